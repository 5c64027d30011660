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
	}
}

// Entry is a model of the table.
type Entry struct {
	Doc           string
	Points        bool                                                 // it takes points, not images
	Sizes         []int                                                // image sides it takes
	Size          int                                                  // the side where none is asked for
	Generator     func(b *Builder, o Options, of data.Shape) nn.Module // latents [N,Z,1,1] to what the data is, in [-1,1]
	Discriminator func(b *Builder, o Options, of data.Shape) nn.Module // that to logits [N]
}

// Table is where a model is added: one line here, one file beside this one.
var Table = map[string]Entry{
	"dcgan": {
		Doc: "the official PyTorch DCGAN at 64, fewer or more blocks at other sizes", Sizes: []int{16, 32, 64, 128, 256, 512, 1024}, Size: 64,
		Generator: dcganGenerator, Discriminator: dcganDiscriminator,
	},
}

// CheckSize refuses an image side that the model cannot make; 0 stands for its own. Errors are *setting.UsageError.
func (o Options) CheckSize(side int) error {
	e := Table[o.Name]
	if side == 0 || slices.Contains(e.Sizes, side) {
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
	case !of.IsPoints() && !slices.Contains(e.Sizes, of.Height):
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
