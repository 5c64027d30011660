// Package model holds the networks: a file each, and a line in the table.
package model

import (
	"fmt"
	"slices"

	"forger/data"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/nn"
)

// Options say which networks to build, and how wide.
type Options struct {
	Name                string // a key of Table
	Latent              int    // nz
	GenWidth, DiscWidth int    // ngf, ndf
	Depth               int    // hidden layers of a dense network, blocks of a masked one; 0: the model's
	Gated               bool   // a masked network of two gated stacks
}

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	const of = setting.Bits | setting.Bench | setting.Form
	return setting.Set{
		{Name: "model", Help: "the networks", Value: &o.Name, Default: "dcgan", Check: setting.KeyOf(Table), Marks: of,
			Words: setting.Words(Table, func(e Entry) string { return e.Doc })},
		{Name: "latent", Help: "size of the latent (nz)", Value: &o.Latent, Default: 100, Check: setting.AtLeast(1), Marks: of},
		{Name: "gen-width", Help: "width of the generator (ngf)", Value: &o.GenWidth, Default: 64, Check: setting.AtLeast(1), Marks: of},
		{Name: "disc-width", Help: "width of the discriminator (ndf)", Value: &o.DiscWidth, Default: 64, Check: setting.AtLeast(1), Marks: of},
		{Name: "depth", Help: "hidden layers of both networks, where they are dense; blocks of a masked one (default: the model's)", Value: &o.Depth, Check: setting.AtLeast(0), Marks: of | setting.Auto},
		{Name: "gated", Help: "a masked network of two gated stacks, which has no blind spot", Value: &o.Gated, Marks: of | setting.Auto},
	}
}

// Entry is a model of the table.
type Entry struct {
	Doc           string
	Points        bool                                                 // it takes points, not images
	Sizes         []int                                                // image sides it takes; nil: any
	Size          int                                                  // the side where none is asked for
	Depth         int                                                  // hidden layers where no number is asked for; 0: none may be
	Generator     func(b *Builder, o Options, of data.Shape) nn.Module // latents [N,Z,1,1] to what the data is, in [-1,1]
	Discriminator func(b *Builder, o Options, of data.Shape) nn.Module // that to logits [N]
	Encoder       func(b *Builder, o Options, of data.Shape) nn.Module // images to [N,2Z]: means and log variances of latents; nil: there is none
	Decoder       func(b *Builder, o Options, of data.Shape) nn.Module // latents [N,Z,1,1] to a number of any size for each of an image's
	// Masked makes so many numbers for each of an image's out of those before it; nil: there is no such network.
	Masked func(b *Builder, o Options, of data.Shape, each int) *Masked
}

// Table is where a model is added: one line here, one file beside this one.
var Table = map[string]Entry{
	"dcgan": {
		Doc: "the official PyTorch DCGAN at 64, fewer or more blocks at other sizes", Sizes: []int{16, 32, 64, 128, 256, 512, 1024}, Size: 64,
		Generator: dcganGenerator, Discriminator: dcganDiscriminator, Encoder: dcganEncoder, Decoder: dcganDecoder,
	},
	"mlp": {
		Doc: "the dense networks of 2014, maxout and dropout in the discriminator; any size", Depth: mlpDepth,
		Generator: mlpGenerator, Discriminator: mlpDiscriminator, Encoder: mlpEncoder, Decoder: mlpDecoder,
	},
	"resnet": {
		Doc: "SNGAN's residual networks", Sizes: []int{32, 64}, Size: 32, Generator: resnetGenerator, Discriminator: resnetDiscriminator,
	},
	"r3gan": {
		Doc: "R3GAN's blocks: 1x1, grouped 3x3, 1x1, no normalisation", Sizes: []int{16, 32, 64, 128, 256}, Size: 64,
		Generator: r3ganGenerator, Discriminator: r3ganDiscriminator,
	},
	"toy": {
		Doc: "small dense networks for points", Points: true, Depth: toyDepth, Generator: toyGenerator, Discriminator: toyDiscriminator,
	},
	"masked": {
		Doc: "PixelCNN's masked convolutions, which see of an image what is before a pixel; any size", Size: 28, Depth: maskedDepth, Masked: maskedNetwork,
	},
}

// depth is how many hidden layers a dense network has, whose own number this is.
func (o Options) depth(own int) int {
	if o.Depth > 0 {
		return o.Depth
	}
	return own
}

// Check tells what the options show to be wrong together. Errors are *setting.UsageError.
func (o Options) Check() error {
	e := Table[o.Name]
	switch {
	case o.Depth > 0 && e.Depth == 0:
		return setting.Usagef("--depth %d: %s is no dense network: leave it out", o.Depth, o.Name)
	case o.Gated && e.Masked == nil:
		return setting.Usagef("--gated: %s has no masked convolutions: use --model masked", o.Name)
	}
	return nil
}

// takes tells whether a model takes images of a side; one of points leaves that to the data.
func (e Entry) takes(side int) bool { return e.Sizes == nil || slices.Contains(e.Sizes, side) }

// CheckSize refuses an image side that the model cannot make; 0 stands for its own. Errors are *setting.UsageError.
func (o Options) CheckSize(side int) error {
	e := Table[o.Name]
	if side == 0 || e.takes(side) {
		return nil
	}
	return setting.Usagef("--size %d: %s cannot make it: use %s", side, o.Name, setting.Alternatives(e.Sizes))
}

// CheckShape refuses data that the model is not made for.
func (o Options) CheckShape(of data.Shape) error {
	e := Table[o.Name]
	switch {
	case of.IsPoints() && !e.Points:
		return fmt.Errorf("--model %s: it makes images, and the data are points of %s: take a model for points", o.Name, of)
	case !of.IsPoints() && e.Points:
		return fmt.Errorf("--model %s: it makes points, and the data are images: take a model for images", o.Name)
	case !of.IsPoints() && !e.takes(of.Height):
		return fmt.Errorf("--model %s: images of side %d: it takes %s: pass --size", o.Name, of.Height, setting.Alternatives(e.Sizes))
	}
	return nil
}

// Builder is where networks are built, and the random numbers that they start from and go on with.
type Builder struct {
	Scope   *torch.Scope
	seed    uint64
	drawn   bool // weights are drawn, not to be loaded
	streams map[string]*torch.Generator
}

// NewBuilder builds in s what a run with this seed starts from.
func NewBuilder(s *torch.Scope, seed uint64) *Builder {
	return &Builder{Scope: s, seed: seed, drawn: true, streams: map[string]*torch.Generator{}}
}

// Blank is b for networks whose weights are to be loaded.
func (b *Builder) Blank() *Builder {
	blank := *b
	blank.drawn = false
	return &blank
}

// Init is the stream that weights are drawn from; nil where they are to be loaded.
func (b *Builder) Init() *torch.Generator {
	if !b.drawn {
		return nil
	}
	return b.Stream("init")
}

// Stream is the stream of random numbers for one use, which moves no other.
func (b *Builder) Stream(use string) *torch.Generator {
	if b.streams[use] == nil {
		b.streams[use] = b.Scope.NewGenerator(seed.Of(b.seed, use))
	}
	return b.streams[use]
}
