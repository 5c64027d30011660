package method

import (
	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
)

// pixelcnn is the training of an autoregressive model (van den Oord et al. 2016): the likelihood of an image is the product of
// those of its numbers, each given the ones before it, and a single network tells them all.
type pixelcnn struct {
	autoregressive
	parts    Parts
	opt      learner
	sums     torch.Tensor // {loss}
	averages []*average
	uniform  source // of the binarisation
}

// autoregressive is the network, and what its numbers mean.
type autoregressive struct {
	net    *model.Masked
	pixels pixels
	of     data.Shape
	tell   *func(share float64) // is told what share of a batch is drawn; nil, or nil in it: nobody asks
}

// Keys of the networks in a checkpoint.
const (
	keyModel        = "model"
	keyAverageModel = "model_ema"
)

func (p *pixelcnn) Parts() *Parts     { return &p.parts }
func (p *pixelcnn) Batches() int      { return 1 }
func (p *pixelcnn) Variant(int64) int { return 0 }

// Step is an update by the exact likelihood.
func (p *pixelcnn) Step(s *torch.Scope, batches []Batch, _ int) {
	c := s.Child(torch.Part(batches[0].Share))
	defer c.Close()
	p.parts.At(phaseForward)
	b := batches[0].In(c)
	loss := p.log(b.of(p.pixels.seen(b.X, p.uniform))).Mean().Neg()
	p.parts.At(phaseLearn)
	p.opt.learn(loss)
	p.parts.At(phaseStep)
	meter(c, p.sums, loss.Detach())
	p.opt.meet(c)
	p.opt.Step()
	for _, a := range p.averages {
		a.follow(c)
	}
}

// log is log p(x) [N] of images as they are seen.
func (a autoregressive) log(b Batch) torch.Tensor {
	said := full(nn.ForwardFor(a.net, b.X, b.Labels))
	if a.pixels.binary {
		return bernoulli(said, b.X)
	}
	mean, logScale := halves(said, a.of.Channels)
	return logistic(mean, logScale, b.X)
}

// halves are the means and the logarithms of scales of so many colours, out of [N,2C,...] that has them side by side.
func halves(said torch.Tensor, colours int) (mean, logScale torch.Tensor) {
	last := 2 * colours
	return said.Slice(1, 0, last, 2), said.Slice(1, 1, last, 2)
}

// each is how many numbers the network says of each number of an image.
func (p pixels) each() int {
	if p.binary {
		return 1
	}
	return 2
}

// measure is -log p(x), of which the bound is no other.
func (a autoregressive) measure(b Batch, _ source, _ int) (exact, again []float64) {
	exact = a.log(b).Neg().Doubles()
	return exact, exact
}

// draw makes images [N,C,H,W] in [-1,1] number by number out of uniforms [N,H*W*C] in [0,1), which stand in the order in which
// they are used, and of labels where labels were learnt. The first rows are those of images, where there are any to stay.
func (a autoregressive) draw(uniforms, labels, images torch.Tensor, rows int) torch.Tensor {
	n, of, all := uniforms.Shape()[0], a.of, uniforms.Scope()
	s := all.Child(torch.NoGrad, torch.Eval)
	defer s.Close()
	made := s.Zeros(n, of.Height, of.Width, of.Channels)
	if rows > 0 {
		made.Narrow(1, 0, rows).CopyFrom(a.pixels.shown(s.Use(images)).Permute(0, 2, 3, 1).Narrow(1, 0, rows))
	}
	if labels.Valid() {
		labels = s.Use(labels)
	}
	cursor := a.net.NewCursor(s, labels, n, of.Height, of.Width)
	for row := range of.Height {
		for column := range of.Width {
			c := s.Child()
			place := c.Use(made).Narrow(1, row, 1).Narrow(2, column, 1)
			x := place.Reshape(n, of.Channels)
			if row < rows {
				cursor.At(row, column, x)
			} else {
				first := (row*of.Width + column) * of.Channels
				x = a.pixel(cursor, row, column, c.Use(uniforms).Narrow(1, first, of.Channels))
				place.CopyFrom(x.Reshape(n, 1, 1, of.Channels))
			}
			cursor.Put(row, column, x)
			c.Close()
		}
		if a.tell != nil && *a.tell != nil {
			(*a.tell)(float64(row+1) / float64(of.Height))
		}
	}
	return all.Use(made).Permute(0, 3, 1, 2).ToFormat(all.Format())
}

// pixel draws one of each image, colour by colour: uniforms [N,C] to [N,C] in [-1,1].
func (a autoregressive) pixel(cursor *model.Cursor, row, column int, uniforms torch.Tensor) torch.Tensor {
	s, shape, each := uniforms.Scope(), uniforms.Shape(), a.pixels.each()
	x := s.Zeros(shape...)
	for colour := range shape[1] {
		said := cursor.At(row, column, x).Narrow(1, colour*each, each)
		x.Narrow(1, colour, 1).CopyFrom(a.number(said, uniforms.Narrow(1, colour, 1)))
	}
	return x
}

// number is the value [N,1] of which a share u of its distribution, said [N,each], lies below.
func (a autoregressive) number(said, u torch.Tensor) torch.Tensor {
	said = full(said)
	if a.pixels.binary {
		return signs(u.Lt(said.Sigmoid()), u)
	}
	mean, logScale := halves(said, 1)
	logit := u.Log().Sub(u.Affine(-1, 1).Log())
	value := logit.Mul(logScale.Clamp(leastLogScale, 20).Exp()).Add(mean).Clamp(-1, 1)
	return value.Affine(127.5, 128).To(torch.Uint8).To(u.Info().DType).Affine(1/127.5, -1) // the nearest level
}

// pixelcnnNets builds the network and, where it is asked for, its average.
func pixelcnnNets(b *model.Builder, o Options, of data.Shape) []Net {
	m, p := model.Table[o.Model.Name], o.pixels(of)
	one := Net{
		Key: keyModel, Module: m.Masked(b, o.Model, of, p.each()), Input: sampleValue(of), Draws: true, Classes: of.Classes,
		Output: Value{"logits", []int{of.Channels * p.each(), of.Height, of.Width}},
		Init:   Init{o.InitModel, []string{keyModel}}, Passes: Passes{Forward: 1, Weights: 1, Between: 1},
	}
	if !p.binary {
		one.Output.Name = "logistics"
	}
	if o.EMA == 0 {
		return []Net{one}
	}
	average := one
	average.Key, average.Module, average.Averages = keyAverageModel, m.Masked(b.Blank(), o.Model, of, p.each()), keyModel
	average.Init, average.Passes = Init{}, Passes{}
	return []Net{one, average}
}

func autoregressiveOf(n Net, o Options, of data.Shape) autoregressive {
	return autoregressive{net: n.Module.(*model.Masked), pixels: o.pixels(of), of: of}
}

func pixelcnnSampler(n Net, o Options, of data.Shape) Sampler {
	a, d := autoregressiveOf(n, o, of), of.Bytes()
	a.tell = new(func(share float64))
	return Sampler{
		Slow: true, Width: d, Classes: n.Classes, Label: inTurn(n.Classes),
		Noise:    func(s *torch.Scope, g *torch.Generator, n int) torch.Tensor { return s.Rand(g, n, d) },
		Given:    func(s *torch.Scope, v []float32) torch.Tensor { return s.FromFloats(v, len(v)/d, d) },
		Sample:   func(noise, labels torch.Tensor) torch.Tensor { return a.draw(noise, labels, torch.Tensor{}, 0) },
		Complete: a.draw, Watch: func(tell func(float64)) { *a.tell = tell },
	}
}

func pixelcnnLikelihood(nets []Net, average bool, o Options, of data.Shape) Likelihood {
	var a autoregressive
	for _, n := range nets {
		if (n.Averages != "") == average {
			a = autoregressiveOf(n, o, of)
		}
	}
	return Likelihood{Of: a.pixels.String(), Exact: true, NLL: a.pixels.nll(a.measure)}
}

// newPixelCNN adds to the network what trains it.
func newPixelCNN(b *model.Builder, o Options, nets []Net, _ int) Method {
	s, shape := b.Scope, nets[0].Input.Shape
	p := &pixelcnn{autoregressive: autoregressiveOf(nets[0], o, data.Shape{Channels: shape[0], Height: shape[1], Width: shape[2], Classes: nets[0].Classes})}
	p.parts = Parts{
		Nets: nets, Streams: []Stream{{Noise, b.Stream(Noise)}}, Notes: []string{"likelihood: " + p.pixels.String()},
		Phases: []string{phaseForward, phaseLearn, phaseStep},
	}
	p.uniform = p.parts.binarisation(b, p.pixels)
	p.opt = p.parts.optimize(s, "optimizer", "lr", o, o.LR, nets[0])
	if len(nets) > 1 {
		p.averages = p.parts.averages(s, o, nets)
	}
	p.parts.Meters = []Meter{newMeter(s, "pixelcnn", 1, []string{"loss"}, []string{p.pixels.minusLog()})}
	p.sums = p.parts.Meters[0].Sums
	return p
}
