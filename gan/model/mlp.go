package model

import (
	"forger/data"
	"forger/torch"
	"forger/torch/nn"
)

const (
	mlpDepth     = 2 // hidden layers of each network
	maxoutPieces = 5
	dropInput    = .2 // share of the input that the discriminator does not see
	dropHidden   = .5
)

// mlpGenerator is MNIST's of the 2014 paper, at GenWidth 1200: hidden layers with ReLU and a sigmoid end, here stretched to
// pixels from -1 to 1.
func mlpGenerator(b *Builder, n Options, of data.Shape) nn.Module {
	s, g := b.Scope, b.Init()
	layers, in := nn.Sequential{nn.Reshape{-1, n.Latent}}, n.Latent
	for range n.depth(mlpDepth) {
		layers = append(layers, nn.NewLinear(s, g, in, n.GenWidth, false), nn.ReLU().InPlace())
		in = n.GenWidth
	}
	return append(layers, nn.NewLinear(s, g, in, of.Bytes(), false), newPixels(s), nn.Reshape{-1, of.Channels, of.Height, of.Width})
}

// mlpDiscriminator is MNIST's of the 2014 paper, at DiscWidth 240: maxout layers of five pieces, with dropout of the input
// and of what is between.
func mlpDiscriminator(b *Builder, n Options, of data.Shape) nn.Module {
	s, g, in, drop := b.Scope, b.Init(), of.Bytes()+of.Classes, dropInput
	layers := nn.Sequential{nn.Reshape{-1, in}}
	for range n.depth(mlpDepth) {
		layers = append(append(layers, b.dropout(drop)), maxout(s, g, in, n.DiscWidth)...)
		in, drop = n.DiscWidth, dropHidden
	}
	return append(layers, b.dropout(dropHidden), nn.NewLinear(s, g, in, 1, false), toScores)
}

// dropout draws from a stream of its own.
func (b *Builder) dropout(p float64) nn.Module {
	return &nn.Dropout{P: p, Generator: b.Stream("dropout")}
}

// maxout is units that are the largest of several linear functions each (Goodfellow et al. 2013).
func maxout(s *torch.Scope, g *torch.Generator, in, units int) nn.Sequential {
	return nn.Sequential{
		nn.NewLinear(s, g, in, units*maxoutPieces, false), nn.Reshape{-1, 1, units, maxoutPieces},
		nn.MaxPool2d{Kernel: [2]int{1, maxoutPieces}}, nn.Reshape{-1, units},
	}
}

// pixels is 2 sigmoid(x) - 1, a sigmoid's range as that of pixels, which is tanh(x/2).
type pixels struct{ scale torch.Tensor } // a constant

func newPixels(s *torch.Scope) pixels { return pixels{s.Full(.5)} }

// Forward keeps x's shape.
func (p pixels) Forward(x torch.Tensor) torch.Tensor { return x.Mul(p.scale).TanhInPlace() }

// State is scale, a buffer.
func (p pixels) State(prefix string, visit func(nn.Entry)) {
	visit(nn.Entry{Name: key(prefix, "scale"), Tensor: p.scale, Buffer: true})
}

// Describe is tanh(mul(x, scale)).
func (p pixels) Describe(g *nn.Graph, prefix, x string) string {
	scaled := g.Add(nn.Node{Op: "mul", Inputs: []string{x}, Params: []string{key(prefix, "scale")}})
	return g.Describe(nn.Tanh(), "", scaled)
}
