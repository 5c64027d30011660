package method

import (
	"forger/gan/model"
	"forger/internal/setting"
)

// Options say what to train, and how.
type Options struct {
	Method string // a key of Table
	Model  model.Options
	Prior  string // a key of priors

	Loss           string   // a key of objectives
	Penalties      []string // as parsePenalty reads them
	PenaltyEvery   int
	SpectralNorm   bool
	DiscSteps      int  // discriminator updates a generator update
	Simultaneous   bool // both networks are updated at once
	Pack           int  // samples that the discriminator judges at once
	LabelSmoothing float64
	InstanceNoise  float64 // standard deviation at the start
	Augment        string  // as parseAugment reads it

	Optim                  string // a key of optimizers
	LR                     float64
	GenLR, DiscLR          float64 // 0: LR
	Beta1, Beta2, Momentum float64
	Schedule               string  // a key of curves
	LREnd                  float64 // share of the rate
	MomentumEnd            float64 // 0: Momentum
	Warmup                 int     // steps

	SyncBN    bool    // statistics of the whole batch where several processes have shares of it
	EMA       float64 // decay of the average; 0: there is none
	EMAWarmup int     // steps

	Binarize  string  // a key of binarisations, or auto
	Beta      float64 // weight of a VAE's divergence
	FreeBits  float64 // nats of each latent's
	IWSamples int     // of its bound

	InitGenerator, InitDiscriminator, InitEncoder, InitDecoder, InitModel string // files of weights to start from
}

const (
	counts = setting.Bits | setting.Bench
	form   = setting.Bits | setting.Bench | setting.Form
)

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	all := setting.Set{{Name: "method", Help: "what is trained", Value: &o.Method, Default: "gan", Check: setting.KeyOf(Table), Marks: form,
		Words: setting.Words(Table, func(e Entry) string { return e.Doc })}}
	all = append(all, o.Model.Settings()...)
	all = append(all, o.game()...)
	all = append(all, o.likelihoods()...)
	all = append(all, o.updates()...)
	all = append(all, setting.Set{
		{Name: "sync-bn", Help: "of several ranks: batch normalisation by the whole batch, not by each rank's part", Value: &o.SyncBN, Marks: setting.Bits | setting.Resume},
		{Name: "ema", Help: "decay of the average of what draws; 0: there is none", Value: &o.EMA, Check: setting.Share, Marks: counts},
		{Name: "ema-warmup", Help: "steps over which the average's half-life grows to what --ema says", Value: &o.EMAWarmup, Check: setting.AtLeast(0), Marks: counts | setting.Auto},
	}...)
	return append(all, o.starts()...)
}

// starts are the files that networks may start from.
func (o *Options) starts() (all setting.Set) {
	for _, start := range []struct {
		net  string
		path *string
	}{
		{keyGenerator, &o.InitGenerator}, {keyDiscriminator, &o.InitDiscriminator}, {keyEncoder, &o.InitEncoder}, {keyDecoder, &o.InitDecoder},
		{keyModel, &o.InitModel},
	} {
		all = append(all, setting.Row{Name: "init-" + start.net, Help: "weights to start from: .pth, .pt or .safetensors", Value: start.path, Marks: setting.Bits | setting.Auto})
	}
	return all
}

// game is what the two play.
func (o *Options) game() setting.Set {
	return setting.Set{
		{Name: "prior", Help: "distribution of the latents", Value: &o.Prior, Default: "normal", Check: setting.KeyOf(priors), Marks: counts,
			Words: setting.Words(priors, func(p Prior) string { return p.Doc })},
		{Name: "loss", Help: "the objective", Value: &o.Loss, Default: "nonsaturating", Check: setting.KeyOf(objectives), Marks: form,
			Words: setting.Words(objectives, func(o Objective) string { return o.Doc })},
		{Name: "penalty", Help: "what holds the discriminator; NAME=WEIGHT, NAME=START:END over the run", Value: &o.Penalties, Check: checkPenalties, Marks: form | setting.Auto,
			Words: setting.Words(penalties, func(p Penalty) string { return p.Doc })},
		{Name: "penalty-every", Help: "penalise gradients every N-th step, with N times the weight", Value: &o.PenaltyEvery, Default: 1, Check: setting.AtLeast(1), Marks: form},
		{Name: "spectral-norm", Help: "the discriminator's weights by their spectral norm", Value: &o.SpectralNorm, Marks: form},
		{Name: "disc-steps", Help: "discriminator updates a generator update, each with a batch of its own", Value: &o.DiscSteps, Default: 1,
			Check: setting.AtLeast(1), Marks: counts},
		{Name: "simultaneous", Help: "update both networks at once, each by the other as it was; else the generator by the discriminator as it has become",
			Value: &o.Simultaneous, Marks: form},
		{Name: "pack", Help: "samples that the discriminator judges at once", Value: &o.Pack, Default: 1, Check: setting.AtLeast(1), Marks: form},
		{Name: "label-smoothing", Help: "reals are labelled 1 less this", Value: &o.LabelSmoothing, Check: setting.Share, Marks: counts},
		{Name: "instance-noise", Help: "standard deviation of the noise on what the discriminator sees, falling to 0 over the run",
			Value: &o.InstanceNoise, Check: setting.NotNegative, Marks: counts},
		{Name: "augment", Help: "what changes the images that the discriminator is shown, real and generated alike, with commas between; with " + adaptive + "=.6 as often as keeps it from knowing its reals",
			Value: &o.Augment, Check: checkAugment, Marks: form | setting.Auto,
			Words: append(setting.Words(augmentations, func(a Augmentation) string { return a.Doc }), setting.Word{Word: adaptive, Doc: "each of them with a chance that follows the discriminator's signs on reals"})},
	}
}

// updates is how they learn.
func (o *Options) updates() setting.Set {
	return setting.Set{
		{Name: "optim", Help: "the optimizer of both networks", Value: &o.Optim, Default: "adam", Check: setting.KeyOf(optimizers), Marks: form,
			Words: setting.Words(optimizers, func(p Optimization) string { return p.Doc })},
		{Name: "lr", Help: "learning rate", Value: &o.LR, Default: 2e-4, Check: setting.Above0, Marks: counts | setting.Resume},
		{Name: "beta1", Help: "Adam's first beta", Value: &o.Beta1, Default: .5, Check: setting.Share, Marks: counts},
		{Name: "beta2", Help: "Adam's second beta", Value: &o.Beta2, Default: .999, Check: setting.Share, Marks: counts},
		{Name: "momentum", Help: "momentum of sgd and rmsprop", Value: &o.Momentum, Check: setting.Share, Marks: counts},
		{Name: "gen-lr", Help: "learning rate of the generator (default: --lr)", Value: &o.GenLR, Check: setting.NotNegative, Marks: counts | setting.Auto | setting.Resume},
		{Name: "disc-lr", Help: "learning rate of the discriminator (default: --lr)", Value: &o.DiscLR, Check: setting.NotNegative, Marks: counts | setting.Auto | setting.Resume},
		{Name: "schedule", Help: "of the learning rates over the run", Value: &o.Schedule, Default: "constant", Check: setting.KeyOf(curves), Marks: counts,
			Words: setting.Words(curves, func(c Curve) string { return c.Doc })},
		{Name: "lr-end", Help: "share of the learning rate at the end of the schedule", Value: &o.LREnd, Check: setting.NotNegative, Marks: counts},
		{Name: "momentum-end", Help: "momentum at the end of the run (default: --momentum)", Value: &o.MomentumEnd, Check: setting.Share, Marks: counts | setting.Auto},
		{Name: "warmup", Help: "steps over which the learning rates climb to theirs, before the schedule", Value: &o.Warmup, Check: setting.AtLeast(0), Marks: setting.Bits | setting.Auto}, // a measurement has a warm-up of its own
	}
}

// penalties are those that Check has read before.
func (o Options) penalties() []asked {
	all, err := parsePenalties(o.Penalties)
	if err != nil {
		panic(err)
	}
	return all
}

// augmented is what Check has read before.
func (o Options) augmented() augmented {
	a, err := parseAugment(o.Augment)
	if err != nil {
		panic(err)
	}
	return a
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
