package method

import (
	"math"
	"strings"

	"forger/data"
	"forger/gan/model"
	"forger/internal/setting"
	"forger/torch"
)

// Binarisation is a way to make black and white of gray. It moves a likelihood by about two nats of an MNIST digit.
type Binarisation struct {
	Doc  string
	make func(x torch.Tensor, uniform source) torch.Tensor // nil: gray stays gray
}

// binarisations is where one is added. Images are [N,C,H,W] in [-1,1], and stay that, of -1 and 1 alone.
var binarisations = map[string]Binarisation{
	"none": {Doc: "gray stays gray: a discretised logistic distribution of 256 levels"},
	"fixed": {"white from the middle on, always the same", func(x torch.Tensor, _ source) torch.Tensor {
		return signs(x.GeScalar(0), x)
	}},
	"dynamic": {"white with the gray's own probability, drawn at each visit (Salakhutdinov and Murray 2008)", func(x torch.Tensor, uniform source) torch.Tensor {
		return signs(uniform(x.Scope(), x.Shape()...).Affine(2, -1).Lt(x), x)
	}},
}

// auto is dynamic of gray images, and none of colour.
const auto = "auto"

// signs is 1 where it holds and -1 elsewhere, of like's dtype.
func signs(holds, like torch.Tensor) torch.Tensor { return holds.To(like.Info().DType).Affine(2, -1) }

// pixels is what is taken for an image's distribution given what a network says: independent pixels, black or white, or of
// 256 levels.
type pixels struct {
	binarise string // a key of binarisations
	binary   bool
	labelled bool // the network is told an image's label
}

func (o Options) pixels(of data.Shape) pixels {
	name := o.Binarize
	if name == auto {
		name = "none"
		if of.Channels == 1 {
			name = "dynamic"
		}
	}
	return pixels{name, binarisations[name].make != nil, of.Classes > 0}
}

// String says how images are taken, for whoever reads a likelihood.
func (p pixels) String() string {
	said := "discretised logistic, 256 levels"
	if p.binary {
		said = "Bernoulli, binarisation " + p.binarise
	}
	if p.labelled {
		said += ", given the label"
	}
	return said
}

// minusLog is what -log p of images is called, given what the network is told of them beside a label.
func (p pixels) minusLog(given ...string) string {
	if p.labelled {
		given = append(given, "y")
	}
	if len(given) == 0 {
		return "-log p(x)"
	}
	return "-log p(x|" + strings.Join(given, ",") + ")"
}

// seen are images as the likelihood takes them.
func (p pixels) seen(x torch.Tensor, uniform source) torch.Tensor {
	if !p.binary {
		return x
	}
	return binarisations[p.binarise].make(x, uniform).ToFormat(x.Scope().Format())
}

// shown are images as a still picture takes them: nothing is drawn.
func (p pixels) shown(x torch.Tensor) torch.Tensor {
	if !p.binary {
		return x
	}
	return binarisations["fixed"].make(x, nil)
}

// bernoulli is log p(x) [N] of images x [N,C,H,W] of -1 and 1 whose pixels are independent, given the logits of white.
func bernoulli(logits, x torch.Tensor) torch.Tensor {
	n := x.Shape()[0]
	return logits.Reshape(n, -1).BCEWithLogits(x.Affine(.5, .5).Reshape(n, -1), torch.UnsummedLoss).SumOver(rows).Neg()
}

// rows reduces [N,D] to [N].
var rows = torch.Reduction{Dims: []int{1}}

const (
	halfLevel     = 1. / 255 // of 256 levels from -1 to 1
	leastLogScale = -7       // a logistic distribution that lies within one level
)

// logistic is log p(x) [N] of images x [N,C,H,W] of 256 levels from -1 to 1: each number is a logistic variable with the mean
// and the scale that are given, rounded to the nearest level; what lies beyond the last ones counts as those (Kingma et al.
// 2016; Salimans et al. 2017). With sigmoids s and a-b the width of a level in scales,
// log(s(a)-s(b)) = log(e^(a-b)-1) - softplus(a) - softplus(-b), which loses nothing where s(a) and s(b) are near each other.
func logistic(mean, logScale, x torch.Tensor) torch.Tensor {
	n, low := x.Shape()[0], x.Scope().Full(leastLogScale)
	logScale = logScale.Maximum(low)
	inverse := logScale.Neg().Exp()
	off := x.Sub(mean)
	above, below := off.AddScalar(halfLevel).Mul(inverse), off.AddScalar(-halfLevel).Mul(inverse)
	width := logWidth(inverse.MulScalar(2 * halfLevel))
	first, last := above.Sub(above.Softplus()), below.Softplus().Neg()
	inner := width.Sub(above.Softplus()).Sub(below.Neg().Softplus())
	const beyond = 1 - halfLevel
	return torch.Where(x.LtScalar(-beyond), first, torch.Where(x.GtScalar(beyond), last, inner)).Reshape(n, -1).SumOver(rows)
}

// logWidth is log(e^d-1) of d above 0, by its series where it would lose digits.
func logWidth(d torch.Tensor) torch.Tensor {
	const small = .05
	plain := d.Add(d.Neg().Exp().Affine(-1, 1).Log())
	series := d.Log().Add(d.MulScalar(.5)).Add(d.Pow(2).MulScalar(1. / 24)).Sub(d.Pow(4).MulScalar(1. / 2880))
	return torch.Where(d.LtScalar(small), series, plain)
}

// full is in full precision what a network computed in less: a likelihood is a sum of many small numbers.
func full(x torch.Tensor) torch.Tensor {
	if x.Info().DType == torch.BFloat16 {
		return x.To(torch.Float32)
	}
	return x
}

// Likelihood is how likely a method takes images to be, in nats.
type Likelihood struct {
	Of    string // what was taken for their distribution
	Exact bool   // not a bound
	// NLL is -log p(x) [N] of images [N,C,H,W] in [-1,1], binarised as in training, and of those that have labels -log p(x|label);
	// where that is not to be had, the bound and an estimate with so many importance samples. What is random is drawn from g.
	NLL func(b Batch, g *torch.Generator, samples int) (bound, estimate []float64)
	// Encode are the latents of images, numbers as Sampler.Given takes them; nil: there are none.
	Encode func(b Batch) torch.Tensor
}

// measured is how a method's networks measure images as they are seen.
type measured func(b Batch, normal source, samples int) (bound, estimate []float64)

// nll is Likelihood.NLL by what measures images as they are seen.
func (p pixels) nll(by measured) func(Batch, *torch.Generator, int) (bound, estimate []float64) {
	return func(b Batch, g *torch.Generator, samples int) (bound, estimate []float64) {
		return by(b.of(p.seen(b.X, uniforms(g))), normals(g, 1), samples)
	}
}

// Dimensions is by what nats an image are divided to bits a dimension.
func Dimensions(of data.Shape) float64 { return float64(of.Bytes()) * math.Ln2 }

// settings of likelihoods.
func (o *Options) likelihoods() setting.Set {
	return setting.Set{
		{Name: "binarize", Help: "of gray images, where a likelihood is learnt: auto (dynamic of gray, none of colour)", Value: &o.Binarize, Default: auto,
			Check: setting.OneOf(append([]string{auto}, setting.Keys(binarisations)...)...), Marks: form,
			Words: setting.Words(binarisations, func(b Binarisation) string { return b.Doc })},
		{Name: "beta", Help: "weight of a VAE's divergence from the prior", Value: &o.Beta, Default: 1., Check: setting.NotNegative, Marks: form},
		{Name: "free-bits", Help: "nats of each latent's divergence that cost a VAE nothing", Value: &o.FreeBits, Check: setting.NotNegative, Marks: form},
		{Name: "iw-samples", Help: "importance samples of a VAE's bound (Burda et al. 2016); 1: the plain bound", Value: &o.IWSamples, Default: 1, Check: setting.AtLeast(1), Marks: form},
	}
}

// needs tells of a model that has not what a method asks of it.
func needs(what string, o model.Options, have func(model.Entry) bool) error {
	if have(model.Table[o.Name]) {
		return nil
	}
	var names []string
	for _, name := range setting.Keys(model.Table) {
		if have(model.Table[name]) {
			names = append(names, name)
		}
	}
	return setting.Usagef("--model %s: it has no %s: use %s", o.Name, what, strings.Join(names, ", "))
}
