package model

import (
	"slices"
	"strings"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
)

// dcganWidths is the multiples of ngf (or ndf) where the sides were doubled 0, 1, ... blocks-1 times: 8, 4, 2, 1 at 64, whose
// sides there are 4, 8, 16, 32, and up to 16 beyond.
func dcganWidths(blocks int) []int {
	widths := make([]int, blocks)
	for i := range widths {
		widths[i] = min(1<<(blocks-1-i), 16)
	}
	return widths
}

// named holds a network under the attribute name that the official classes give it, so that keys read main.0.weight.
type named struct {
	name string
	net  nn.Module
}

func (m named) Forward(x torch.Tensor) torch.Tensor { return m.net.Forward(x) }

func (m named) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	return nn.ForwardFor(m.net, x, labels)
}

func (m named) Children() []nn.Module { return []nn.Module{m.net} }

func (m named) State(_ string, visit func(nn.Entry)) { m.net.State(m.name, visit) }

func (m named) Describe(g *nn.Graph, _, x string) string { return g.Describe(m.net, m.name, x) }

var plain = nn.ConvOptions{NoBias: true}
var double = nn.ConvOptions{Stride: 2, Padding: 1, NoBias: true}

// dcganGenerator is the official network (pytorch/examples, dcgan/main.py; at other sizes with fewer or more blocks, of other
// proportions with another kernel in its first layer) with its initialisation, drawn from the builder's stream.
func dcganGenerator(b *Builder, n Options, of data.Shape) nn.Module {
	return dcganUp(b, n, of, double, nn.Tanh().InPlace())
}

// dcganDecoder is the generator with an open end, and a bias in its last layer for the mean of the data. Begun at gray, mostly
// black pictures pull the weights of the rectified features below 0, and then none of them says white.
func dcganDecoder(b *Builder, n Options, of data.Shape) nn.Module {
	return dcganUp(b, n, of, nn.ConvOptions{Stride: 2, Padding: 1})
}

func dcganUp(b *Builder, n Options, of data.Shape, last nn.ConvOptions, end ...nn.Module) nn.Module {
	s, g, in := b.Scope, b.Init(), n.Latent
	blocks, first := doublings(of.Size())
	var layers nn.Sequential
	for i, w := range dcganWidths(blocks) {
		out := w * n.GenWidth
		grow := nn.NewConvTranspose2d(s, g, in, out, 4, double)
		if i == 0 {
			grow = nn.NewConvTranspose2dOblong(s, g, in, out, [2]int{first.Height, first.Width}, torch.Conv{}, true)
		}
		layers = append(layers, grow, b.norm(n, of, out), nn.ReLU().InPlace())
		in = out
	}
	layers = append(append(layers, nn.NewConvTranspose2d(s, g, in, of.Channels, 4, last)), end...)
	return dcganInit(named{"main", layers}, g)
}

// dcganDiscriminator is the official network but for its Sigmoid: training on logits has the same gradients and does
// not overflow, so the Sigmoid belongs to those who read the scores.
func dcganDiscriminator(b *Builder, n Options, of data.Shape) nn.Module {
	return dcganDown(b, n, of, 1, toScores)
}

// dcganEncoder is the discriminator with means and log variances in place of its score.
func dcganEncoder(b *Builder, n Options, of data.Shape) nn.Module {
	return dcganDown(b, n, of, 2*n.Latent, nn.Reshape{-1, 2 * n.Latent})
}

func dcganDown(b *Builder, n Options, of data.Shape, out int, end nn.Module) nn.Module {
	s, g := b.Scope, b.Init()
	blocks, last := doublings(of.Size())
	widths := dcganWidths(blocks)
	slices.Reverse(widths)
	in := widths[0] * n.DiscWidth
	layers := nn.Sequential{nn.NewConv2d(s, g, of.Channels, in, 4, double), nn.LeakyReLU(.2).InPlace()}
	for _, w := range widths[1:] {
		out := w * n.DiscWidth
		layers = append(layers, nn.NewConv2d(s, g, in, out, 4, double), nn.NewBatchNorm2d(s, out), nn.LeakyReLU(.2).InPlace())
		in = out
	}
	layers = append(layers, nn.NewConv2dOblong(s, g, in, out, [2]int{last.Height, last.Width}, torch.Conv{}, true), end)
	return dcganInit(named{"main", layers}, g)
}

// scores are the logits as [N], in full precision where the network computed in less: a loss is a sum of small numbers.
type scores struct{ nn.Reshape }

var toScores = scores{nn.Reshape{-1}}

func (s scores) Forward(x torch.Tensor) torch.Tensor {
	x = s.Reshape.Forward(x)
	if x.Info().DType == torch.BFloat16 {
		x = x.To(torch.Float32)
	}
	return x
}

// dcganInit is weights_init of the official example: convolutions N(0, .02^2), BatchNorm weight N(1, .02^2), bias 0.
func dcganInit(m nn.Module, g *torch.Generator) nn.Module {
	if g == nil {
		return m
	}
	for _, e := range nn.Entries(m) {
		if e.Buffer {
			continue
		}
		switch shape := e.Tensor.Shape(); {
		case len(shape) == 4:
			e.Tensor.Normal(g, 0, .02)
		case len(shape) == 2: // of a class each: a plain normalisation at first
		case len(shape) == 1 && isWeight(e.Name):
			e.Tensor.Normal(g, 1, .02)
		default:
			e.Tensor.Fill(0)
		}
	}
	return m
}

func isWeight(name string) bool { return strings.HasSuffix(name, ".weight") }
