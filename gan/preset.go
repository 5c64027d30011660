package gan

import (
	"maps"
	"slices"
	"strings"

	"forger/gan/method"
	"forger/internal/setting"
)

// Preset is a paper's settings in one word. What a user gives goes before them, and they before the defaults.
type Preset struct {
	Doc string
	set string // NAME=VALUE, in the order of the help
}

// Presets is where one is added.
var Presets = map[string]Preset{
	"gan2014": {
		// The paper's code (goodfeli/adversarial, mnist.yaml) halves the discriminator's loss, updates both networks at once and
		// begins at the mean of the data. Without the latter two the generator's rectifiers die within some epochs.
		"Goodfellow et al. 2014 on MNIST: dense generator, maxout discriminator, momentum",
		`model=mlp size=28 latent=100 gen-width=1200 disc-width=240 prior=uniform-unit init-mean=true loss=nonsaturating simultaneous=true
		optim=sgd lr=.1 disc-lr=.05 momentum=.5 schedule=exponential lr-end=.549 momentum-end=.7 batch=100 epochs=250`,
	},
	"dcgan": {
		"Radford et al. 2015, as PyTorch's official example has it",
		`model=dcgan size=64 latent=100 gen-width=64 disc-width=64 prior=normal loss=nonsaturating
		optim=adam lr=2e-4 beta1=.5 beta2=.999 batch=64 epochs=25`,
	},
	"wgan": {
		"Arjovsky et al. 2017: the Wasserstein distance, weights clipped",
		`model=dcgan size=64 latent=100 loss=wasserstein penalty=clip=.01 disc-steps=5
		optim=rmsprop lr=5e-5 batch=64`,
	},
	"wgan-gp": {
		"Gulrajani et al. 2017: the same with a gradient penalty, and no BatchNorm in the discriminator",
		`model=resnet size=32 latent=128 gen-width=128 disc-width=128 loss=wasserstein penalty=gp=10 disc-steps=5
		optim=adam lr=1e-4 beta1=0 beta2=.9 batch=64`,
	},
	"lsgan": {
		"Mao et al. 2017: least squares",
		`model=dcgan size=64 latent=100 loss=lsgan optim=adam lr=2e-4 beta1=.5 beta2=.999 batch=64`,
	},
	"sngan": {
		"Miyato et al. 2018 on CIFAR-10: hinge loss, spectral normalisation",
		`model=resnet size=32 latent=128 gen-width=256 disc-width=128 loss=hinge spectral-norm=true disc-steps=5
		optim=adam lr=2e-4 beta1=0 beta2=.9 schedule=linear batch=64`,
	},
	"r3gan": {
		"Huang et al. 2024 at small widths: pairs, R1 and R2, no normalisation",
		`model=r3gan size=32 latent=64 loss=relativistic penalty=r1=2:.2 penalty=r2=2:.2
		optim=adam lr=2e-4 beta1=0 beta2=.99 schedule=cosine lr-end=.25 ema=.999 ema-warmup=1000 batch=64`,
	},
	"gaussian1d": {
		"from U[0,1] to N(0,1): the map that is learned is known, the inverse normal distribution function",
		`data=gaussian1d model=toy latent=1 gen-width=64 disc-width=64 depth=3 prior=uniform01
		loss=relativistic penalty=r1=.02:.002 penalty=r2=.02:.002 disc-steps=3
		optim=adam lr=2e-3 beta1=0 beta2=.99 schedule=cosine lr-end=.01 ema=.999 batch=256 steps=8000`,
	},
	"ring8": {
		"eight narrow normal distributions on a circle: none may be lost (the modes of PacGAN's protocol)",
		`data=ring8 model=toy latent=2 gen-width=128 disc-width=128 depth=3 prior=normal
		loss=relativistic penalty=r1=.02 penalty=r2=.02
		optim=adam lr=2e-3 beta1=0 beta2=.99 schedule=cosine lr-end=.01 ema=.999 batch=256 steps=8000`,
	},
	"grid25": {
		"twenty-five on a grid (the same protocol)",
		`data=grid25 model=toy latent=2 gen-width=128 disc-width=128 depth=3 prior=normal
		loss=relativistic penalty=r1=.02 penalty=r2=.02
		optim=adam lr=2e-3 beta1=0 beta2=.99 schedule=cosine lr-end=.01 ema=.999 batch=256 steps=24000`,
	},
	"vae": {
		"Kingma and Welling 2014 in the form of Burda et al. 2016: 784-200-200-50, tanh, on binarised digits",
		`method=vae model=mlp size=28 channels=1 latent=50 gen-width=200 disc-width=200 binarize=dynamic
		optim=adam lr=3e-3 beta1=.9 beta2=.999 schedule=cosine lr-end=.01 batch=100 epochs=100`,
	},
	"pixelcnn": {
		"van den Oord et al. 2016 at a small width, on binarised digits",
		`method=pixelcnn model=masked size=28 channels=1 gen-width=32 depth=12 binarize=dynamic
		optim=adam lr=5e-3 beta1=.9 beta2=.999 warmup=500 schedule=cosine lr-end=.01 batch=16 epochs=16`,
	},
}

// Line is a setting of a preset.
type Line struct {
	Name   string
	Values []string
}

// Lines are what a preset sets, in its order.
func (p Preset) Lines() []Line { return presetLines(p.set) }

func presetLines(texts string) (all []Line) {
	for _, text := range strings.Fields(texts) {
		name, value, _ := strings.Cut(text, "=")
		if i := slices.IndexFunc(all, func(l Line) bool { return l.Name == name }); i >= 0 {
			all[i].Values = append(all[i].Values, value)
			continue
		}
		all = append(all, Line{name, []string{value}})
	}
	return all
}

// takePreset sets what a preset says and nobody gave, and then the method's own defaults. A bound that was given takes the
// place of the preset's.
func (c *Config) takePreset() error {
	if c.Preset == "" {
		return c.take(method.Table[c.Method.Method].Defaults, c.Given.Has)
	}
	p, ok := Presets[c.Preset]
	if !ok {
		return setting.Usagef("--preset %q: unknown: have %s", c.Preset, strings.Join(slices.Sorted(maps.Keys(Presets)), ", "))
	}
	bounded := slices.ContainsFunc(bounds, c.Given.Has)
	kept := func(name string) bool { return c.Given.Has(name) || bounded && slices.Contains(bounds, name) }
	if err := c.take(p.set, kept); err != nil {
		return setting.Usagef("--preset %s: %v", c.Preset, err)
	}
	set := p.Lines()
	return c.take(method.Table[c.Method.Method].Defaults, func(name string) bool {
		return c.Given.Has(name) || slices.ContainsFunc(set, func(l Line) bool { return l.Name == name })
	})
}

// take sets what NAME=VALUE texts say, but for what is kept as it is.
func (c *Config) take(texts string, kept func(name string) bool) error {
	all := c.Settings()
	for _, l := range presetLines(texts) {
		if kept(l.Name) {
			continue
		}
		row, ok := all.Find(l.Name)
		if !ok {
			return setting.Usagef("%s: no such setting", l.Name)
		}
		if err := row.Parse(l.Values...); err != nil {
			return setting.Usagef("%s: %v", l.Name, err)
		}
	}
	return nil
}
