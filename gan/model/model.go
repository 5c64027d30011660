// Package model holds the networks: a file each, and a line in the table.
package model

import (
	"fmt"
	"math/bits"
	"slices"

	"forger/data"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/nn"
	"forger/vision"
)

// Options say which networks to build, and how wide.
type Options struct {
	Name                string // a key of Table
	Latent              int    // nz
	GenWidth, DiscWidth int    // ngf, ndf
	Depth               int    // hidden layers of a dense network, blocks of a masked one; 0: the model's
	Gated               bool   // a masked network of two gated stacks
	Conditional         string // a key of ways: how the labels are learnt
	FromMean            bool   // the generator, or the decoder, begins at the mean of the data
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
		o.conditional(),
		{Name: "init-mean", Help: "the generator begins at the data's mean image, as a VAE's decoder does by itself", Value: &o.FromMean, Marks: setting.Bits | setting.Auto},
	}
}

// Entry is a model of the table.
type Entry struct {
	Doc           string
	Points        bool                                                 // it takes points, not images
	Sizes         []int                                                // shorter sides of the images it takes; nil: it takes any image
	Size          int                                                  // the side where none is asked for
	Depth         int                                                  // hidden layers where no number is asked for; 0: none may be
	Means         bool                                                 // its generator can begin at the mean of the data
	Zeros         bool                                                 // some of its weights begin at 0
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
		Doc: "the dense networks of 2014, maxout and dropout in the discriminator; any size", Depth: mlpDepth, Means: true,
		Generator: mlpGenerator, Discriminator: mlpDiscriminator, Encoder: mlpEncoder, Decoder: mlpDecoder,
	},
	"resnet": {
		Doc: "SNGAN's residual networks", Sizes: []int{32, 64}, Size: 32, Generator: resnetGenerator, Discriminator: resnetDiscriminator,
	},
	"r3gan": {
		Doc: "R3GAN's blocks: 1x1, grouped 3x3, 1x1, no normalisation", Sizes: []int{16, 32, 64, 128, 256}, Size: 64, Zeros: true,
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

// IsDense tells networks without convolutions.
func (o Options) IsDense() bool { e := Table[o.Name]; return e.Depth > 0 && e.Masked == nil }

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

// smallest is the side of the picture, or the shorter side of the one, that a network of doublings begins with.
const smallest = 4

// doublings is how often the first picture's sides are doubled, and the first picture: 4x4 of a square, else as many times
// longer as the whole is.
func doublings(size vision.Size) (n int, first vision.Size) {
	n = max(0, bits.Len(uint(min(size.Height, size.Width)/smallest))-1)
	return n, vision.Size{Height: size.Height >> n, Width: size.Width >> n}
}

// takes tells whether a model takes images of a size; one of points leaves that to the data.
func (e Entry) takes(size vision.Size) bool {
	if e.Sizes == nil {
		return true
	}
	n, first := doublings(size)
	return slices.Contains(e.Sizes, min(size.Height, size.Width)) && size == vision.Size{Height: first.Height << n, Width: first.Width << n}
}

// sizesLike says which sizes it takes, to somebody who asked for another.
func (e Entry) sizesLike(size vision.Size) string {
	shorter := min(size.Height, size.Width)
	switch {
	case size.Height == size.Width:
		return setting.Alternatives(e.Sizes)
	case slices.Contains(e.Sizes, shorter):
		return fmt.Sprintf("a longer side that %d divides", shorter/smallest)
	}
	return "a shorter side of " + setting.Alternatives(e.Sizes)
}

// CheckSize refuses an image size that the model cannot make; none stands for its own. Errors are *setting.UsageError.
func (o Options) CheckSize(size vision.Size) error {
	e := Table[o.Name]
	if size.IsZero() || e.takes(size) {
		return nil
	}
	return setting.Usagef("--size %s: %s cannot make it: use %s", size, o.Name, e.sizesLike(size))
}

// CheckShape refuses data that the model is not made for.
func (o Options) CheckShape(of data.Shape) error {
	e := Table[o.Name]
	switch {
	case of.IsPoints() && !e.Points:
		return fmt.Errorf("--model %s: it makes images, and the data are points of %s: take a model for points", o.Name, of)
	case !of.IsPoints() && e.Points:
		return fmt.Errorf("--model %s: it makes points, and the data are images: take a model for images", o.Name)
	case !of.IsPoints() && !e.takes(of.Size()):
		return fmt.Errorf("--model %s: images of %s: it takes %s: pass --size", o.Name, of.Size(), e.sizesLike(of.Size()))
	}
	return nil
}

// Builder is where networks are built, and the random numbers that they start from and go on with.
type Builder struct {
	Scope   *torch.Scope
	Mean    []float32 // of each number of the data, in [-1,1], as a generator orders them: where it may begin; nil: anywhere
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
