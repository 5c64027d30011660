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
	genBound     = .05 // of the weights that the networks begin with
	discBound    = .005
	genEdge      = 1e-7 // share of white that the generator begins with where the data have none
)

// mlpGenerator is MNIST's of the 2014 paper, at GenWidth 1200: hidden layers with ReLU and a sigmoid end, here stretched to
// pixels from -1 to 1. It begins as in the paper's code, and so does the discriminator.
func mlpGenerator(b *Builder, n Options, of data.Shape) nn.Module {
	layers, in := nn.Sequential{nn.Reshape{-1, n.Latent}}, n.Latent
	for range n.depth(mlpDepth) {
		layers = append(layers, b.uniform(in, n.GenWidth, genBound), nn.ReLU().InPlace())
		in = n.GenWidth
	}
	last := b.uniform(in, of.Bytes(), genBound)
	b.StartAtMean(last.Bias, func(mean float64) float64 { return Logit(mean, genEdge) })
	return append(layers, last, newPixels(b.Scope), nn.Reshape{-1, of.Channels, of.Height, of.Width})
}

// mlpDiscriminator is MNIST's of the 2014 paper, at DiscWidth 240: maxout layers of five pieces, with dropout of the input
// and of what is between. As in the paper it sees black as 0, which is what dropout makes of a pixel.
func mlpDiscriminator(b *Builder, n Options, of data.Shape) nn.Module {
	in, drop := of.Bytes()+of.Classes, dropInput
	layers := nn.Sequential{newShares(b.Scope), nn.Reshape{-1, in}}
	for range n.depth(mlpDepth) {
		layers = append(append(layers, b.dropout(drop)), b.maxout(in, n.DiscWidth)...)
		in, drop = n.DiscWidth, dropHidden
	}
	return append(layers, b.dropout(dropHidden), b.uniform(in, 1, discBound), toScores)
}

// mlpEncoder is a VAE's of the literature, at DiscWidth 200: hidden layers with tanh, a linear end (Burda et al. 2016).
func mlpEncoder(b *Builder, n Options, of data.Shape) nn.Module {
	in := of.Bytes() + of.Classes
	return b.dense(nn.Sequential{newShares(b.Scope), nn.Reshape{-1, in}}, in, n.DiscWidth, n.depth(mlpDepth), 2*n.Latent)
}

// mlpDecoder is its mirror, at GenWidth 200.
func mlpDecoder(b *Builder, n Options, of data.Shape) nn.Module {
	layers := b.dense(nn.Sequential{nn.Reshape{-1, n.Latent}}, n.Latent, n.GenWidth, n.depth(mlpDepth), of.Bytes())
	return append(layers, nn.Reshape{-1, of.Channels, of.Height, of.Width})
}

// dense appends hidden layers with tanh and a linear end, initialised as Glorot and Bengio (2010) have it for them.
func (b *Builder) dense(layers nn.Sequential, in, width, depth, out int) nn.Sequential {
	for i := range depth + 1 {
		if i == depth {
			width = out
		}
		l := nn.NewLinear(b.Scope, nil, in, width, false)
		if g := b.Init(); g != nil {
			nn.XavierUniform(l.Weight, g, 1)
		}
		layers = append(layers, l)
		if i < depth {
			layers = append(layers, nn.Tanh().InPlace())
		}
		in = width
	}
	return layers
}

// dropout draws from a stream of its own.
func (b *Builder) dropout(p float64) nn.Module {
	return &nn.Dropout{P: p, Generator: b.Stream("dropout")}
}

// uniform is a linear layer whose weights are drawn from U(-bound,bound), and whose biases begin at 0.
func (b *Builder) uniform(in, out int, bound float64) *nn.Linear {
	l := nn.NewLinear(b.Scope, nil, in, out, false)
	if g := b.Init(); g != nil {
		l.Weight.Uniform(g, -bound, bound)
	}
	return l
}

// maxout is units that are the largest of several linear functions each (Goodfellow et al. 2013).
func (b *Builder) maxout(in, units int) nn.Sequential {
	return nn.Sequential{
		b.uniform(in, units*maxoutPieces, discBound), nn.Reshape{-1, 1, units, maxoutPieces},
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

// shares is (x+1)/2: pixels from 0, which is black, to 1. A network that learns a likelihood from them is soon ahead of one that
// is shown black as -1.
type shares struct{ scale torch.Tensor } // a constant, the shift too

func newShares(s *torch.Scope) shares { return shares{s.Full(.5)} }

// Forward keeps x's shape.
func (p shares) Forward(x torch.Tensor) torch.Tensor { return x.Affine(.5, .5) }

// State is scale, a buffer.
func (p shares) State(prefix string, visit func(nn.Entry)) {
	visit(nn.Entry{Name: key(prefix, "scale"), Tensor: p.scale, Buffer: true})
}

// Describe is add(mul(x, scale), scale).
func (p shares) Describe(g *nn.Graph, prefix, x string) string {
	half := []string{key(prefix, "scale")}
	return g.Add(nn.Node{Op: "add", Inputs: []string{g.Add(nn.Node{Op: "mul", Inputs: []string{x}, Params: half})}, Params: half})
}
