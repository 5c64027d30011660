// Package method holds what is trained: a GAN, and what comes beside it. The trainer, checkpoints, sampling, export and
// measurements know a method by this package's types alone.
package method

import (
	"forger/data"
	"forger/gan/model"
	"forger/torch"
)

// Method is what a run trains.
type Method interface {
	// Parts names what a step changes or draws from.
	Parts() *Parts
	// Batches is how many batches of data a step takes.
	Batches() int
	// Variant is the form that a step takes: a function of its number alone, and a CUDA graph each.
	Variant(step int64) int
	// Step trains on one batch for each of Batches, in s. It asks the device for nothing.
	Step(s *torch.Scope, batches []Batch, variant int)
}

// Batch is a batch of data on the device.
type Batch struct {
	X      torch.Tensor // images float32 [N,C,H,W] in [-1,1], or points float32 [N,D]
	Labels torch.Tensor // int64 [N], where labels are learnt; else the zero Tensor
}

// In is the batch in s.
func (b Batch) In(s *torch.Scope) Batch {
	b.X = s.Use(b.X)
	if b.Labels.Valid() {
		b.Labels = s.Use(b.Labels)
	}
	return b
}

// Clone is a copy of the batch in s.
func (b Batch) Clone(s *torch.Scope) Batch {
	c := s.Child()
	defer c.Close()
	b = b.In(c)
	b.X = s.Use(b.X.Clone())
	if b.Labels.Valid() {
		b.Labels = s.Use(b.Labels.Clone())
	}
	return b
}

// CopyFrom overwrites the batch with another of its form, by way of s.
func (b Batch) CopyFrom(s *torch.Scope, from Batch) {
	to := b.In(s)
	to.X.CopyFrom(from.X)
	if to.Labels.Valid() {
		to.Labels.CopyFrom(from.Labels)
	}
}

// Entry is a method of the table.
type Entry struct {
	Doc string
	// Words are the networks as `export --net` names them, by their keys in a checkpoint.
	Words map[string]string
	// Judge is the key of the network that scores data; "": there is none.
	Judge string
	// Nets builds the networks in b's scope, for data of a shape: enough to sample, export and evaluate.
	Nets func(b *model.Builder, o Options, of data.Shape) []Net
	// Sampler draws from a network of Nets that has Draws.
	Sampler func(n Net, o Options) Sampler
	// New adds what training on batches of a size needs to the networks.
	New func(b *model.Builder, o Options, nets []Net, batch int) Method
}

// Table is where a method is added: one line here, one file beside this one.
var Table = map[string]Entry{
	"gan": {
		Doc:   "a generator against a discriminator (Goodfellow et al. 2014)",
		Words: map[string]string{"generator": keyGenerator, "discriminator": keyDiscriminator, "ema": keyAverage},
		Judge: keyDiscriminator,
		Nets:  ganNets, Sampler: ganSampler, New: newGAN,
	},
}
