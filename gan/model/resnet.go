package model

import (
	"math"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
)

// The networks of SNGAN (Miyato et al. 2018, tables 4 and 5; those of 64 as Miyato and Koyama 2018 have them): residual
// blocks, in the generator with batch normalisation. At 32 every block has the width, 256 and 128 in the paper; at 64 the
// block next to the pictures has it, 64, and each further one twice as much. A convolution by 1x1 and a change of the side
// can be done in either order: here the side is the smaller one.

// resnetWidths is the channels where the sides were doubled 0, 1, ... blocks times, in multiples of the width.
func resnetWidths(blocks int) []int {
	if blocks == 4 {
		return []int{16, 8, 4, 2, 1}
	}
	return []int{1, 1, 1, 1}
}

var (
	halve    = nn.AvgPool2d{Kernel: [2]int{2, 2}}
	doubling = nn.Upsample{Factor: 2}
)

// glorot draws a layer's weight from U(-a, a), a = gain sqrt(6/(fan-in + fan-out)), and makes its bias 0 (Glorot and
// Bengio 2010).
func (b *Builder) glorot(weight, bias torch.Tensor, gain float64) {
	g := b.Init()
	if g == nil {
		return
	}
	shape, kernel := weight.Shape(), 1
	for _, n := range shape[2:] {
		kernel *= n
	}
	a := gain * math.Sqrt(6/float64((shape[0]+shape[1])*kernel))
	weight.Uniform(g, -a, a)
	bias.Fill(0)
}

func (b *Builder) glorotConv(in, out, kernel int, gain float64) *nn.Conv2d {
	c := nn.NewConv2d(b.Scope, nil, in, out, kernel, nn.ConvOptions{Padding: kernel / 2})
	b.glorot(c.Weight, c.Bias, gain)
	return c
}

func (b *Builder) glorotLinear(in, out int) *nn.Linear {
	l := nn.NewLinear(b.Scope, nil, in, out, false)
	b.glorot(l.Weight, l.Bias, 1)
	return l
}

// conv3 is a block's 3x3 convolution.
func (b *Builder) conv3(in, out int) *nn.Conv2d { return b.glorotConv(in, out, 3, math.Sqrt2) }

// conv1 is a shortcut's.
func (b *Builder) conv1(in, out int) *nn.Conv2d { return b.glorotConv(in, out, 1, 1) }

func resnetGenerator(b *Builder, n Options, of data.Shape) nn.Module {
	blocks, first := doublings(of.Size())
	widths := resnetWidths(blocks)
	in := widths[0] * n.GenWidth
	layers := nn.Sequential{nn.Reshape{-1, n.Latent}, b.glorotLinear(n.Latent, first.Height*first.Width*in), nn.Reshape{-1, in, first.Height, first.Width}}
	norm := func(channels int) nn.Module { return b.norm(n, of, channels) }
	for _, w := range widths[1:] {
		out := w * n.GenWidth
		layers = append(layers, nn.NewResidual(
			nn.Sequential{
				norm(in), nn.ReLU().InPlace(), doubling, b.conv3(in, out), norm(out), nn.ReLU().InPlace(), b.conv3(out, out),
			},
			nn.Sequential{b.conv1(in, out), doubling}, nn.ResidualOptions{}))
		in = out
	}
	return append(layers, norm(in), nn.ReLU().InPlace(), b.glorotConv(in, of.Channels, 3, 1), nn.Tanh().InPlace())
}

func resnetDiscriminator(b *Builder, n Options, of data.Shape) nn.Module {
	in := n.DiscWidth
	layers := nn.Sequential{nn.NewResidual(
		nn.Sequential{b.conv3(of.Channels, in), nn.ReLU().InPlace(), b.conv3(in, in), halve},
		nn.Sequential{halve, b.conv1(of.Channels, in)}, nn.ResidualOptions{})}
	down := func(out int) {
		layers = append(layers, nn.NewResidual(
			nn.Sequential{nn.ReLU(), b.conv3(in, in), nn.ReLU().InPlace(), b.conv3(in, out), halve},
			nn.Sequential{halve, b.conv1(in, out)}, nn.ResidualOptions{}))
		in = out
	}
	if blocks, _ := doublings(of.Size()); blocks == 4 {
		for range 4 {
			down(2 * in)
		}
	} else {
		down(in)
		for range 2 {
			layers = append(layers, nn.NewResidual(
				nn.Sequential{nn.ReLU(), b.conv3(in, in), nn.ReLU().InPlace(), b.conv3(in, in)}, nil, nn.ResidualOptions{}))
		}
	}
	return append(layers, nn.ReLU().InPlace(), nn.GlobalSumPool(), b.glorotLinear(in, 1), toScores)
}
