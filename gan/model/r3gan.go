package model

import (
	"math"
	"slices"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
)

// R3GAN's networks (Huang et al. 2024, "The GAN is dead; long live the GAN!"): no normalisation, blocks of an inverted
// bottleneck, and between two sides a bilinear filter.
const (
	r3Blocks    = 2  // of a side
	r3Expansion = 2  // of the bottleneck
	r3Group     = 16 // channels of a group at most
	r3Slope     = .2
)

// r3Widths is the channels where the sides were doubled 0, 1, ... blocks times: the width up to 3 times, where squares have
// sides of 32, halved with each doubling beyond.
func r3Widths(blocks, width int) []int {
	var widths []int
	for i := range blocks + 1 {
		widths = append(widths, max(1, width>>max(0, i-3)))
	}
	return widths
}

// r3Layers makes layers with their initialisation: N(0, gain^2/fan-in), no bias unless a rectifier follows.
type r3Layers struct {
	b    *Builder
	gain float64 // of the convolutions in a block
}

// newR3Layers is for networks of so many sides: with L blocks in all, the gains of a block's convolutions come to
// sqrt(2/(1+slope^2)) L^(-1/4), so that activations keep their size (Zhang et al. 2019, "Fixup").
func newR3Layers(b *Builder, sides int) r3Layers {
	return r3Layers{b, math.Sqrt(2/(1+r3Slope*r3Slope)) * math.Pow(float64(r3Blocks*sides), -.25)}
}

func (l r3Layers) draw(weight torch.Tensor, fan int, gain float64) {
	switch g := l.b.Init(); {
	case g == nil:
	case gain == 0:
		weight.Fill(0)
	default:
		weight.Normal(g, 0, gain/math.Sqrt(float64(fan)))
	}
}

func (l r3Layers) conv(in, out, kernel int, o nn.ConvOptions, gain float64) *nn.Conv2d {
	o.Padding = kernel / 2
	c := nn.NewConv2d(l.b.Scope, nil, in, out, kernel, o)
	l.draw(c.Weight, in/max(1, o.Groups)*kernel*kernel, gain)
	return c
}

func (l r3Layers) linear(in, out int) *nn.Linear {
	n := nn.NewLinear(l.b.Scope, nil, in, out, true)
	l.draw(n.Weight, in, 1)
	return n
}

// block is x + conv1x1(lrelu(conv3x3(lrelu(conv1x1(x))))), the middle one in groups, the last one 0 at the start.
func (l r3Layers) block(width int) nn.Module {
	wide := r3Expansion * width
	group := r3Group
	for wide%group != 0 {
		group /= 2
	}
	return nn.NewResidual(nn.Sequential{
		l.conv(width, wide, 1, nn.ConvOptions{}, l.gain), nn.LeakyReLU(r3Slope).InPlace(),
		l.conv(wide, wide, 3, nn.ConvOptions{Groups: wide / group}, l.gain), nn.LeakyReLU(r3Slope).InPlace(),
		l.conv(wide, width, 1, plain, 0),
	}, nil, nn.ResidualOptions{})
}

func (l r3Layers) blocks(width int) nn.Sequential {
	var all nn.Sequential
	for range r3Blocks {
		all = append(all, l.block(width))
	}
	return all
}

// project is a 1x1 convolution where the widths differ.
func (l r3Layers) project(in, out int) nn.Sequential {
	if in == out {
		return nil
	}
	return nn.Sequential{l.conv(in, out, 1, plain, 1)}
}

// r3ganGenerator begins with a learned picture for each channel, of squares 4x4, scaled by a linear function of the latent, and ends
// without a Tanh.
func r3ganGenerator(b *Builder, n Options, of data.Shape) nn.Module {
	blocks, first := doublings(of.Size())
	widths := r3Widths(blocks, n.GenWidth)
	l, in := newR3Layers(b, len(widths)), widths[0]
	basis := nn.NewConvTranspose2dOblong(b.Scope, nil, in, in, [2]int{first.Height, first.Width}, torch.Conv{Groups: in}, true)
	l.draw(basis.Weight, 1, 1)
	layers := nn.Sequential{nn.Reshape{-1, n.Latent}, l.linear(n.Latent, in), nn.Reshape{-1, in, 1, 1}, basis}
	layers = append(layers, l.blocks(in)...)
	for _, w := range widths[1:] {
		layers = append(layers, l.project(in, w)...)
		layers = append(layers, newResample(b.Scope, w, true))
		layers = append(layers, l.blocks(w)...)
		in = w
	}
	return append(layers, l.conv(in, of.Channels, 1, plain, 1))
}

// r3ganDiscriminator is the generator's mirror.
func r3ganDiscriminator(b *Builder, n Options, of data.Shape) nn.Module {
	blocks, last := doublings(of.Size())
	widths := r3Widths(blocks, n.DiscWidth)
	slices.Reverse(widths)
	l, in := newR3Layers(b, len(widths)), widths[0]
	layers := append(nn.Sequential{l.conv(of.Channels, in, 1, plain, 1)}, l.blocks(in)...)
	for _, w := range widths[1:] {
		layers = append(layers, newResample(b.Scope, in, false))
		layers = append(layers, l.project(in, w)...)
		layers = append(layers, l.blocks(w)...)
		in = w
	}
	basis := nn.NewConv2dOblong(b.Scope, nil, in, in, [2]int{last.Height, last.Width}, torch.Conv{Groups: in}, true)
	l.draw(basis.Weight, last.Height*last.Width, 1)
	return append(layers, basis, nn.Reshape{-1, in}, l.linear(in, 1), toScores)
}
