// Package method holds what is trained: a GAN, and what comes beside it. The trainer, checkpoints, sampling, export and
// measurements know a method by this package's types alone.
package method

import (
	"forger/data"
	"forger/gan/model"
	"forger/internal/setting"
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
	X torch.Tensor // images float32 [N,C,H,W] in [-1,1], or points float32 [N,D]
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
	// New adds what training needs to the networks.
	New func(b *model.Builder, o Options, nets []Net) Method
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

// Options say what to train, and how.
type Options struct {
	Method    string // a key of Table
	Model     model.Options
	Prior     string // a key of priors
	Loss      string // a key of objectives
	DiscSteps int    // discriminator updates a generator update

	Optim                            string // a key of optimizers
	LR                               float64
	GenLR, DiscLR                    float64 // 0: LR
	Beta1, Beta2, Momentum           float64
	EMA                              float64 // decay of the averaged generator; 0: there is none
	InitGenerator, InitDiscriminator string  // files of weights to start from
}

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	const of, form = setting.Bits | setting.Bench, setting.Bits | setting.Bench | setting.Form
	first := setting.Set{{Name: "method", Help: "what is trained", Value: &o.Method, Default: "gan", Check: setting.KeyOf(Table), Marks: form,
		Words: setting.Words(Table, func(e Entry) string { return e.Doc })}}
	return append(append(first, o.Model.Settings()...), setting.Set{
		{Name: "prior", Help: "distribution of the latents", Value: &o.Prior, Default: "normal", Check: setting.KeyOf(priors), Marks: of,
			Words: setting.Words(priors, func(p Prior) string { return p.Doc })},
		{Name: "loss", Help: "the objective", Value: &o.Loss, Default: "nonsaturating", Check: setting.KeyOf(objectives), Marks: form,
			Words: setting.Words(objectives, func(o Objective) string { return o.Doc })},
		{Name: "disc-steps", Help: "discriminator updates a generator update, each with a batch of its own", Value: &o.DiscSteps, Default: 1,
			Check: setting.AtLeast(1), Marks: of},
		{Name: "optim", Help: "the optimizer of both networks", Value: &o.Optim, Default: "adam", Check: setting.KeyOf(optimizers), Marks: form,
			Words: setting.Words(optimizers, func(p Optimization) string { return p.Doc })},
		{Name: "lr", Help: "learning rate", Value: &o.LR, Default: 2e-4, Check: setting.Above0, Marks: of | setting.Resume},
		{Name: "beta1", Help: "Adam's first beta", Value: &o.Beta1, Default: .5, Check: setting.Share, Marks: of},
		{Name: "beta2", Help: "Adam's second beta", Value: &o.Beta2, Default: .999, Check: setting.Share, Marks: of},
		{Name: "momentum", Help: "momentum of sgd and rmsprop", Value: &o.Momentum, Check: setting.Share, Marks: of},
		{Name: "gen-lr", Help: "learning rate of the generator (default: --lr)", Value: &o.GenLR, Check: setting.NotNegative, Marks: of | setting.Auto | setting.Resume},
		{Name: "disc-lr", Help: "learning rate of the discriminator (default: --lr)", Value: &o.DiscLR, Check: setting.NotNegative, Marks: of | setting.Auto | setting.Resume},
		{Name: "ema", Help: "decay of the averaged generator; 0: there is none", Value: &o.EMA, Check: setting.Share, Marks: of},
		{Name: "init-generator", Help: "weights to start from: .pth, .pt or .safetensors", Value: &o.InitGenerator, Marks: setting.Bits | setting.Auto},
		{Name: "init-discriminator", Help: "weights to start from: .pth, .pt or .safetensors", Value: &o.InitDiscriminator, Marks: setting.Bits | setting.Auto},
	}...)
}

// Check tells what the options show to be wrong together. Errors are *setting.UsageError.
func (o Options) Check() error {
	if o.Momentum != 0 && o.Optim == "adam" {
		return setting.Usagef("--momentum %v: adam has none: use --beta1, or --optim sgd or rmsprop", o.Momentum)
	}
	return o.Model.Check()
}

// Entry is the table's line for the method.
func (o Options) Entry() Entry { return Table[o.Method] }

// Judge is the network of Nets that scores data, where the method has one.
func (o Options) Judge(nets []Net) (judge Net) {
	for _, n := range nets {
		if n.Key == o.Entry().Judge {
			judge = n
		}
	}
	return judge
}
