package method

import (
	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
)

// vaeNets builds the encoder, the decoder and, where they are asked for, their averages.
func vaeNets(b *model.Builder, o Options, of data.Shape) []Net {
	encoder := Net{
		Key: keyEncoder, Module: model.Encoder(b, o.Model, of), Input: sampleValue(of), Classes: of.Classes, Output: Value{"mean", []int{o.Model.Latent}},
		Second: "logvar", Init: Init{o.InitEncoder, []string{keyEncoder}}, Passes: Passes{Forward: 1, Weights: 1, Between: 1},
	}
	decoder := Net{
		Key: keyDecoder, Module: o.decoder(b, of), Input: Value{"latents", []int{o.Model.Latent, 1, 1}}, Output: sampleValue(of), Draws: true, Classes: of.Classes,
		Init: Init{o.InitDecoder, []string{keyDecoder}}, Passes: Passes{Forward: 1, Weights: 1, Between: 1, Input: 1}.times(float64(o.IWSamples)),
	}
	decoder.Output.Name = "means"
	if o.pixels(of).binary {
		decoder.Output.Name = "logits"
	}
	nets := []Net{encoder, decoder}
	if o.EMA == 0 {
		return nets
	}
	for i, module := range []nn.Module{model.Encoder(b.Blank(), o.Model, of), o.decoder(b.Blank(), of)} {
		average := nets[i]
		average.Key, average.Module, average.Averages = nets[i].Key+"_ema", module, nets[i].Key
		average.Init, average.Passes = Init{}, Passes{}
		nets = append(nets, average)
	}
	return nets
}

// decoder is the model's, which of images of many levels also learns how far from its means they are. Its last parameter is
// the bias of its last layer.
func (o Options) decoder(b *model.Builder, of data.Shape) nn.Module {
	net := model.Decoder(b, o.Model, of)
	all := nn.Parameters(net)
	bias := all[len(all)-1]
	if o.pixels(of).binary {
		b.StartAtMean(bias, func(mean float64) float64 { return model.Logit(mean, leastShare) })
		return net
	}
	b.StartAtMean(bias, func(mean float64) float64 { return mean })
	return &scaled{net, b.Scope.Full(firstLogScale, 1, of.Channels, 1, 1).RequireGrad()}
}

const (
	firstLogScale = -1   // what the logarithm of a scale begins as
	leastShare    = 1e-3 // probability of white that a decoder begins with where the data are black
)

// scaled is a network of means beside the logarithm of the scale around them, one a channel.
type scaled struct {
	nn.Module
	logScale torch.Tensor // [1,C,1,1]
}

// scaleOf is a decoder's that has one.
func scaleOf(m nn.Module) torch.Tensor { return m.(*scaled).logScale }

// ForwardFor is the network's.
func (m *scaled) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	return nn.ForwardFor(m.Module, x, labels)
}

// Children is the network.
func (m *scaled) Children() []nn.Module { return []nn.Module{m.Module} }

// State is the network's and log_scale.
func (m *scaled) State(prefix string, visit func(nn.Entry)) {
	m.Module.State(prefix, visit)
	visit(nn.Entry{Name: "log_scale", Tensor: m.logScale})
}

// Describe is the network's: the scale is for those who ask how likely an image is.
func (m *scaled) Describe(g *nn.Graph, prefix, x string) string {
	return g.Describe(m.Module, prefix, x)
}

// autoencoderOf is the two networks of nets that were trained, or their averages.
func autoencoderOf(nets []Net, average bool, o Options, of data.Shape) autoencoder {
	a := autoencoder{pixels: o.pixels(of), latent: o.Model.Latent}
	for _, n := range nets {
		switch {
		case (n.Averages != "") != average:
		case n.Draws:
			a.decoder = n.Module
		default:
			a.encoder = n.Module
		}
	}
	return a
}

func vaeSampler(n Net, o Options, of data.Shape) Sampler {
	r := latents(n, "normal", o.Model.Latent)
	a := autoencoder{decoder: n.Module, pixels: o.pixels(of)}
	r.Sample = a.decoded
	return r
}

func vaeLikelihood(nets []Net, average bool, o Options, of data.Shape) Likelihood {
	a := autoencoderOf(nets, average, o, of)
	return Likelihood{
		Of: a.pixels.String(), NLL: a.pixels.nll(a.measure),
		Encode: func(b Batch) torch.Tensor { return a.encode(b.of(a.pixels.shown(b.X))).mean },
	}
}

// newVAE adds to the networks what trains them.
func newVAE(b *model.Builder, o Options, nets []Net, _ int) Method {
	s := b.Scope
	shape := nets[0].Input.Shape
	of := data.Shape{Channels: shape[0], Height: shape[1], Width: shape[2], Classes: nets[0].Classes}
	v := &vae{autoencoder: autoencoderOf(nets[:2], false, o, of), freeBits: o.FreeBits, samples: o.IWSamples}
	v.parts = Parts{
		Nets: nets, Streams: []Stream{{Noise, b.Stream(Noise)}},
		Notes:  []string{"likelihood: " + v.pixels.String()},
		Phases: []string{phaseForward, phaseLearn, phaseStep},
	}
	v.normal = normals(b.Stream(Noise), 1)
	v.uniform = v.parts.binarisation(b, v.pixels)
	v.beta = v.parts.dial(s, "beta", constant(o.Beta))
	v.opt = v.parts.optimize(s, "optimizer", "lr", o, o.LR, nets[:2]...)
	if len(nets) > 2 {
		v.averages = v.parts.averages(s, o, nets)
	}
	v.parts.Meters = []Meter{newMeter(s, "vae", 1, []string{"loss", "reconstruction", "kl"}, []string{"loss", v.pixels.minusLog("z"), "KL"})}
	v.sums = v.parts.Meters[0].Sums
	return v
}

// binarisation is what draws black and white where images are drawn at each visit.
func (p *Parts) binarisation(b *model.Builder, of pixels) source {
	if of.binarise != "dynamic" {
		return nil
	}
	return uniforms(p.stream(b, "binarisation"))
}

// averages are those of all networks that have one, as they are now.
func (p *Parts) averages(s *torch.Scope, o Options, nets []Net) (all []*average) {
	decay := p.dial(s, "ema", risingDecay(o.EMA, o.EMAWarmup))
	for _, n := range nets {
		for _, of := range nets {
			if n.Averages == of.Key {
				a := newAverage(n.Module, of.Module, decay)
				a.start(s)
				all = append(all, a)
			}
		}
	}
	return all
}
