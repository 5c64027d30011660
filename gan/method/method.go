// Package method holds what is trained: a GAN, and what comes beside it. The trainer, checkpoints, sampling, export and
// measurements know a method by this package's types alone.
package method

import (
	"slices"

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
	Share  torch.Share  // what the N are of a batch that several processes have
}

// whole is how many elements the batch has, with those of other processes.
func (b Batch) whole() int {
	if b.Share.Of > 0 {
		return b.Share.Of
	}
	return b.X.Shape()[0]
}

// Labels are those of data, as a Batch has them.
func Labels(s *torch.Scope, of []int32) torch.Tensor {
	all := make([]int64, len(of))
	for i, label := range of {
		all[i] = int64(label)
	}
	return s.FromInts(all, len(all))
}

// of is the batch with other images.
func (b Batch) of(x torch.Tensor) Batch {
	b.X = x
	return b
}

// repeated is the batch so many times over, one round after the other.
func (b Batch) repeated(times int) Batch {
	if times == 1 {
		return b
	}
	rounds := func(t torch.Tensor) torch.Tensor { return torch.Cat(0, slices.Repeat([]torch.Tensor{t}, times)...) }
	b.X = rounds(b.X)
	if b.Labels.Valid() {
		b.Labels = rounds(b.Labels)
	}
	return b
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

// Reconstructor is a method that makes images anew from what it keeps of them.
type Reconstructor interface {
	// Reconstruct is images [N,C,H,W] in [-1,1] as the method sees them, and as it makes them anew. It draws nothing.
	Reconstruct(b Batch) (seen, again torch.Tensor)
}

// Entry is a method of the table.
type Entry struct {
	Doc string
	// Words are the networks as `export --net` names them, by their keys in a checkpoint; Word is the one that samples are drawn
	// from, which is exported where none is named.
	Words map[string]string
	Word  string
	// Judge is the key of the network that scores data; "": there is none.
	Judge string
	// Nets builds the networks in b's scope, for data of a shape: enough to sample, export and evaluate.
	Nets func(b *model.Builder, o Options, of data.Shape) []Net
	// Sampler draws from a network of Nets that has Draws.
	Sampler func(n Net, o Options, of data.Shape) Sampler
	// Likelihood is that of the networks that were trained, or of their averages; nil: the method knows none.
	Likelihood func(nets []Net, average bool, o Options, of data.Shape) Likelihood
	// Needs tells of a model that has not the networks; Defaults are settings that are not the table's own, NAME=VALUE.
	Needs    func(o model.Options) error
	Defaults string
	// New adds what training on batches of a size needs to the networks.
	New func(b *model.Builder, o Options, nets []Net, batch int) Method
}

// Table is where a method is added: one line here, one file beside this one.
var Table = map[string]Entry{
	"gan": {
		Doc:   "a generator against a discriminator (Goodfellow et al. 2014)",
		Words: map[string]string{"generator": keyGenerator, "discriminator": keyDiscriminator, "ema": keyAverage},
		Word:  "generator",
		Judge: keyDiscriminator,
		Nets:  ganNets, Sampler: ganSampler, New: newGAN,
		Needs: func(o model.Options) error {
			return needs("generator", o, func(e model.Entry) bool { return e.Generator != nil })
		},
	},
	"vae": {
		Doc: "a variational autoencoder (Kingma and Welling 2014)",
		Words: map[string]string{
			"encoder": keyEncoder, "decoder": keyDecoder, "ema": keyAverageDecoder, "encoder-ema": keyAverageEncoder,
		},
		Word: "decoder",
		Nets: vaeNets, Sampler: vaeSampler, New: newVAE, Likelihood: vaeLikelihood,
		Needs: func(o model.Options) error {
			return needs("encoder", o, func(e model.Entry) bool { return e.Encoder != nil })
		},
		Defaults: "lr=1e-3 beta1=.9 init-mean=true",
	},
	"pixelcnn": {
		Doc:   "an autoregressive model: pixel by pixel (van den Oord et al. 2016)",
		Words: map[string]string{"model": keyModel, "ema": keyAverageModel},
		Word:  "model",
		Nets:  pixelcnnNets, Sampler: pixelcnnSampler, New: newPixelCNN, Likelihood: pixelcnnLikelihood,
		Needs: func(o model.Options) error {
			return needs("masked convolutions", o, func(e model.Entry) bool { return e.Masked != nil })
		},
		Defaults: "model=masked lr=1e-3 beta1=.9",
	},
}
