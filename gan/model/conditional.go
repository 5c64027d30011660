package model

import (
	"fmt"
	"math"

	"forger/data"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/nn"
)

// Ways are how networks may learn the labels.
var ways = map[string]string{
	wayNone:       "not at all",
	wayConcat:     "beside the latent and beside the image (Mirza and Osindero 2014), which in a PixelCNN is a bias by class (van den Oord et al. 2016)",
	wayProjection: "beside the latent and by batch normalisation in the generator, and a projection in the discriminator (Miyato and Koyama 2018)",
	wayAuxiliary:  "beside the latent, and the discriminator names the class (ACGAN: Odena et al. 2017)",
}

const (
	wayNone       = "none"
	wayConcat     = "concat"
	wayProjection = "projection"
	wayAuxiliary  = "auxiliary"
)

// conditional is the setting's row.
func (o *Options) conditional() setting.Row {
	return setting.Row{Name: "conditional", Help: "learn the labels too", Value: &o.Conditional, Default: wayNone, Check: setting.KeyOf(ways),
		Marks: setting.Bits | setting.Bench | setting.Form, Words: setting.Words(ways, func(doc string) string { return doc })}
}

// IsConditional tells networks that are told labels.
func (o Options) IsConditional() bool { return o.Conditional != wayNone && o.Conditional != "" }

// JudgesClasses tells a way to learn the labels in which a discriminator has a part of its own.
func (o Options) JudgesClasses() bool { return o.IsConditional() && o.Conditional != wayConcat }

// CheckClasses refuses labels that there is nothing to learn of. classes names them; present is how many of them there are
// elements of, and unlabelled says that there are some of none.
func (o Options) CheckClasses(spec string, classes, present int, unlabelled bool) error {
	switch {
	case !o.IsConditional():
		return nil
	case classes == 0:
		return fmt.Errorf("--conditional %s: %s has no labels: use labelled data, or leave it out", o.Conditional, spec)
	case unlabelled:
		return fmt.Errorf("--conditional %s: some of %s have no label: leave them out with --filter '*', or leave --conditional out", o.Conditional, spec)
	case present < 2:
		return fmt.Errorf("--conditional %s: all of %s have one label: use data of several classes, or leave it out", o.Conditional, spec)
	}
	return nil
}

// Generator is the model's generator, latents [N,Z,1,1] and, where it is conditional, labels to what the data is.
func Generator(b *Builder, o Options, of data.Shape) nn.Module {
	return besideLatents(Table[o.Name].Generator, b, o, of)
}

// Decoder is the model's decoder, latents [N,Z,1,1] and, where it is conditional, labels to numbers of images.
func Decoder(b *Builder, o Options, of data.Shape) nn.Module {
	return besideLatents(Table[o.Name].Decoder, b, o, of)
}

// making is how a model's entry makes a network.
type making func(b *Builder, o Options, of data.Shape) nn.Module

// besideLatents is a network of latents that takes the label beside them, where it is conditional.
func besideLatents(make making, b *Builder, o Options, of data.Shape) nn.Module {
	if !o.IsConditional() {
		return make(b, o, of)
	}
	o.Latent += of.Classes
	return &labelled{net: make(b, o, of), classes: of.Classes}
}

// besideData is a network of what the data is that takes the label beside it: a dense one as numbers, another as channels.
func besideData(make making, b *Builder, o Options, of data.Shape) nn.Module {
	classes, dense := of.Classes, o.IsDense()
	switch {
	case dense:
	case of.IsPoints():
		of.Points += classes
	default:
		of.Channels += classes
	}
	if !dense {
		of.Classes = 0
	}
	return &labelled{net: make(b, o, of), classes: classes, flat: dense}
}

// Encoder is the model's encoder, images [N,C,H,W] and, where it is conditional, labels to [N,2Z].
func Encoder(b *Builder, o Options, of data.Shape) nn.Module {
	e := Table[o.Name]
	if o.IsConditional() {
		return besideData(e.Encoder, b, o, of)
	}
	return e.Encoder(b, o, of)
}

// norm is a generator's batch normalisation: of each class by itself, where that is how it learns the labels.
func (b *Builder) norm(o Options, of data.Shape, channels int) nn.Module {
	if o.Conditional == wayProjection {
		return nn.NewConditionalBatchNorm2d(b.Scope, of.Classes, channels)
	}
	return nn.NewBatchNorm2d(b.Scope, channels)
}

// Discriminator is the model's discriminator, what the data is and, where it is conditional, labels to logits [N].
func Discriminator(b *Builder, o Options, of data.Shape) nn.Module {
	e, classes := Table[o.Name], of.Classes
	if o.Conditional == wayConcat {
		return besideData(e.Discriminator, b, o, of)
	}
	of.Classes = 0
	net := e.Discriminator(b, o, of)
	switch o.Conditional {
	case wayProjection:
		return newProjection(b, net, classes)
	case wayAuxiliary:
		return newAuxiliary(b, net, classes)
	}
	return net
}

// labelled is a network that takes, beside what it takes, its sample's label: a number for each class, 1 for its own, as further
// channels [N,K,H,W], or where it is flat as further numbers [N,K].
type labelled struct {
	net     nn.Module
	classes int
	flat    bool
}

// classShares are labels as a share of each class, [N,K] of that type.
func classShares(labels torch.Tensor, classes int, d torch.DType) torch.Tensor {
	if !nn.IsShares(labels) {
		labels = labels.OneHot(classes)
	}
	return labels.To(d)
}

// unlabelled panics with a *torch.Error.
func unlabelled() torch.Tensor {
	panic(&torch.Error{Op: "conditional", Code: torch.Failed, Msg: "the network needs labels: call ForwardFor"})
}

// Forward panics with a *torch.Error: it needs labels.
func (m *labelled) Forward(torch.Tensor) torch.Tensor { return unlabelled() }

// ForwardFor is the network's output.
func (m *labelled) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	hot, shape := classShares(labels, m.classes, x.Info().DType), x.Shape()
	switch {
	case m.flat:
		x = x.Reshape(shape[0], -1)
	case len(shape) == 4:
		hot = hot.Reshape(-1, m.classes, 1, 1).Expand(shape[0], m.classes, shape[2], shape[3])
	}
	x = torch.Cat(1, x, hot)
	if len(x.Shape()) == 4 {
		x = x.ToFormat(x.Scope().Format())
	}
	return nn.ForwardFor(m.net, x, labels)
}

// Children is the network.
func (m *labelled) Children() []nn.Module { return []nn.Module{m.net} }

// State is the network's.
func (m *labelled) State(prefix string, visit func(nn.Entry)) { m.net.State(prefix, visit) }

// Describe is net(cat(x, one_hot(labels))).
func (m *labelled) Describe(g *nn.Graph, prefix, x string) string {
	hot := g.Add(nn.Node{Op: "one_hot", Inputs: []string{nn.LabelsInput}, Factor: m.classes})
	if m.flat {
		x = g.Add(nn.Node{Op: "reshape", Inputs: []string{x}, Shape: []int{-1, m.numbers()}})
	} else {
		hot = g.Add(nn.Node{Op: "reshape", Inputs: []string{hot}, Shape: []int{-1, m.classes, 1, 1}})
		hot = g.Add(nn.Node{Op: "expand_as", Inputs: []string{hot, x}})
	}
	return g.Describe(m.net, prefix, g.Add(nn.Node{Op: "cat", Inputs: []string{x, hot}, Dims: []int{1}}))
}

// numbers is how many a flat network takes beside the label's.
func (m *labelled) numbers() int { return nn.Parameters(m.net)[0].Shape()[1] - m.classes }

// judgement is a discriminator whose last layer's input is used for more: what a model's discriminator makes its score of.
type judgement struct {
	nn.Module // all of it
	features  nn.Sequential
	score     nn.Sequential // the last layer
	numbers   int           // of the features of a sample
}

func newJudgement(net nn.Module) judgement {
	q, ok := net.(nn.Sequential)
	if named, is := net.(named); is {
		q, ok = named.net.(nn.Sequential)
	}
	if !ok {
		panic(&torch.Error{Op: "conditional", Code: torch.Failed, Msg: fmt.Sprintf("a discriminator that is a %T has no last layer", net)})
	}
	last := len(q) - 2 // toScores is behind it
	j := judgement{Module: net, features: q[:last], score: q[last:], numbers: 1}
	for _, side := range nn.Parameters(q[last])[0].Shape()[1:] {
		j.numbers *= side
	}
	return j
}

// projection is score(h) + <v_y, h> with h the features, all that the last layer sees, and v_y the label's (Miyato and Koyama
// 2018, equation 6; their h, as that of SNGAN's network here, is summed over its pixels before that layer).
type projection struct {
	judgement
	classes *nn.Embedding // [K,numbers of h]
}

func newProjection(b *Builder, net nn.Module, classes int) nn.Module {
	p := &projection{judgement: newJudgement(net)}
	p.classes = nn.NewEmbedding(b.Scope, nil, classes, p.numbers)
	if g := b.Init(); g != nil { // as the last layer, so that at first neither outweighs the other
		p.classes.Weight.Normal(g, 0, rootMeanSquare(nn.Parameters(p.score)[0].Floats()))
	}
	return p
}

// rootMeanSquare is the root of the mean square.
func rootMeanSquare(values []float32) float64 {
	sum := 0.
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(values)))
}

// Forward panics with a *torch.Error: it needs labels.
func (p *projection) Forward(torch.Tensor) torch.Tensor { return unlabelled() }

// ForwardFor is logits [N]. h is multiplied with every label's vector: of few classes that is less than a vector for each sample.
func (p *projection) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	h := p.features.Forward(x)
	scores := p.score.Forward(h)
	d := scores.Info().DType
	own := classShares(labels, p.classes.Weight.Shape()[0], d)
	return scores.Add(p.classes.Products(h).To(d).Mul(own).SumOver(torch.Reduction{Dims: []int{1}}))
}

// Children are the network and the classes' vectors.
func (p *projection) Children() []nn.Module { return []nn.Module{p.Module, p.classes} }

// State is the network's, and classes.
func (p *projection) State(prefix string, visit func(nn.Entry)) {
	p.Module.State(prefix, visit)
	p.classes.State(key(prefix, "classes"), visit)
}

// Describe is add(score(h), sum(mul(embedding(labels, classes), h))).
func (p *projection) Describe(g *nn.Graph, prefix, x string) string {
	h, scores := p.describe(g, prefix, x)
	h = g.Add(nn.Node{Op: "reshape", Inputs: []string{h}, Shape: []int{-1, p.numbers}})
	along := g.Add(nn.Node{Op: "mul", Inputs: []string{g.Describe(p.classes, key(prefix, "classes"), nn.LabelsInput), h}})
	return g.Add(nn.Node{Op: "add", Inputs: []string{scores, g.Add(nn.Node{Op: "sum", Inputs: []string{along}, Dims: []int{1}})}})
}

// describe appends the network, and returns the values of its features and of its scores.
func (j judgement) describe(g *nn.Graph, prefix, x string) (h, scores string) {
	if n, is := j.Module.(named); is {
		prefix = key(prefix, n.name)
	}
	h = g.Describe(j.features, prefix, x)
	for i, m := range j.score {
		if i == 0 {
			scores = g.Describe(m, key(prefix, fmt.Sprint(len(j.features))), h)
		} else {
			scores = g.Describe(m, "", scores)
		}
	}
	return h, scores
}

// Classifier is a discriminator that names the class too.
type Classifier interface {
	// Judge is logits [N], and logits of the classes [N,K].
	Judge(x torch.Tensor) (scores, classes torch.Tensor)
}

// auxiliary is a discriminator with a second last layer, the logits of the classes.
type auxiliary struct {
	judgement
	classes *nn.Linear // features to K
}

func newAuxiliary(b *Builder, net nn.Module, classes int) nn.Module {
	a := &auxiliary{judgement: newJudgement(net)}
	a.classes = b.glorotLinear(a.numbers, classes)
	return a
}

// Forward is logits [N].
func (a *auxiliary) Forward(x torch.Tensor) torch.Tensor { return a.Module.Forward(x) }

// Judge is a Classifier's.
func (a *auxiliary) Judge(x torch.Tensor) (scores, classes torch.Tensor) {
	h := a.features.Forward(x)
	scores = a.score.Forward(h)
	return scores, a.classes.Forward(h.Reshape(-1, a.numbers)).To(scores.Info().DType)
}

// Children are the network and the second last layer.
func (a *auxiliary) Children() []nn.Module { return []nn.Module{a.Module, a.classes} }

// State is the network's, and classes.
func (a *auxiliary) State(prefix string, visit func(nn.Entry)) {
	a.Module.State(prefix, visit)
	a.classes.State(key(prefix, "classes"), visit)
}

// Describe is the score alone.
func (a *auxiliary) Describe(g *nn.Graph, prefix, x string) string {
	return g.Describe(a.Module, prefix, x)
}
