package model

import (
	"forger/data"
	"forger/torch/nn"
)

// toyDepth is how many hidden layers each network has.
const toyDepth = 3

// toyGenerator is a dense network for points: latents [N,Z,1,1] to points [N,D], hidden layers of GenWidth with ReLU.
func toyGenerator(b *Builder, n Options, of data.Shape) nn.Module {
	s, g := b.Scope, b.Init()
	layers, in := nn.Sequential{nn.Reshape{-1, n.Latent}}, n.Latent
	for range n.depth(toyDepth) {
		layers = append(layers, nn.NewLinear(s, g, in, n.GenWidth, false), nn.ReLU().InPlace())
		in = n.GenWidth
	}
	return append(layers, nn.NewLinear(s, g, in, of.Points, false))
}

// toyDiscriminator is the same for points [N,D] to logits [N], with leaky rectifiers of slope .2.
func toyDiscriminator(b *Builder, n Options, of data.Shape) nn.Module {
	s, g := b.Scope, b.Init()
	var layers nn.Sequential
	in := of.Points + of.Classes
	for range n.depth(toyDepth) {
		layers = append(layers, nn.NewLinear(s, g, in, n.DiscWidth, false), nn.LeakyReLU(.2).InPlace())
		in = n.DiscWidth
	}
	return append(layers, nn.NewLinear(s, g, in, 1, false), toScores)
}
