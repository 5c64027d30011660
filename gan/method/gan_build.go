package method

import (
	"fmt"
	"strings"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
)

// ganNets builds the generator, the discriminator and, where one is asked for, the average.
func ganNets(b *model.Builder, o Options, of data.Shape) []Net {
	seen := packedShape(of, o.Pack)
	latent := Value{"latents", []int{o.Model.Latent, 1, 1}}
	gen := Net{
		Key: keyGenerator, Module: model.Generator(b, o.Model, of), Input: latent, Output: sampleValue(of), Draws: true, Classes: of.Classes,
		Init: Init{o.InitGenerator, []string{keyGenerator, "netG", "G"}}, Passes: o.generatorPasses(),
	}
	disc := Net{
		Key: keyDiscriminator, Module: model.Discriminator(b, o.Model, seen), Input: sampleValue(seen), Output: Value{"score", nil},
		Probabilities: objectives[o.Loss].Probabilities,
		Init:          Init{o.InitDiscriminator, []string{keyDiscriminator, "netD", "D"}}, Passes: o.discriminatorPasses(),
	}
	if o.SpectralNorm {
		nn.SpectralNorm(b.Scope, b.Init(), disc.Module)
	}
	if _, names := disc.Module.(model.Classifier); !names {
		disc.Classes = of.Classes
	}
	if disc.Probabilities {
		disc.Output.Name = "probability"
	}
	if o.EMA == 0 {
		return []Net{gen, disc}
	}
	return []Net{gen, disc, {
		Key: keyAverage, Module: model.Generator(b.Blank(), o.Model, of), Input: latent, Output: gen.Output, Draws: true, Classes: of.Classes,
		Averages: keyGenerator,
	}}
}

// sampleValue is what a network makes or judges.
func sampleValue(of data.Shape) Value {
	if of.IsPoints() {
		return Value{"points", []int{of.Points}}
	}
	return Value{"images", []int{of.Channels, of.Height, of.Width}}
}

func ganSampler(n Net, o Options, _ data.Shape) Sampler { return latents(n, o.Prior, o.Model.Latent) }

// newGAN adds to the networks what trains them, on batches of a size.
func newGAN(b *model.Builder, o Options, nets []Net, batch int) Method {
	s := b.Scope
	g := &gan{
		view: view{disc: nets[1].Module, pack: o.Pack}, gen: nets[0].Module, loss: objectives[o.Loss], label: 1 - o.LabelSmoothing,
		updates: o.DiscSteps, together: o.Simultaneous,
	}
	g.parts = Parts{
		Nets:    nets,
		Streams: []Stream{{Noise, b.Stream(Noise)}, {"dropout", b.Stream("dropout")}},
		Notes:   o.notes(),
		Phases:  []string{phaseReal, phaseFake, phaseUpdate, phaseGen, phaseGenOpt},
	}
	g.optG = g.parts.optimize(s, "optimizer_g", "lr_g", o, o.GenLR, nets[0])
	g.optD = g.parts.optimize(s, "optimizer_d", "lr_d", o, o.DiscLR, nets[1])
	draw := latents(nets[0], o.Prior, o.Model.Latent).Noise
	g.draw = func(s *torch.Scope, n int) torch.Tensor {
		return s.Drawn(0, func(shape ...int) torch.Tensor { return draw(s, b.Stream(Noise), shape[0]) }, n)
	}
	if o.EMA > 0 {
		g.average = newAverage(nets[2].Module, g.gen, g.parts.dial(s, "ema", risingDecay(o.EMA, o.EMAWarmup)))
		g.average.start(s)
	}
	if o.InstanceNoise > 0 {
		g.blur = g.parts.dial(s, "instance_noise", o.between(o.InstanceNoise, 0))
		g.noise = normals(g.parts.stream(b, "instance_noise"), 0)
	}
	g.augment(b, o)
	g.hold(b, o, batch)
	g.meters(s)
	return g
}

// augment sets up what bends the images.
func (g *gan) augment(b *model.Builder, o Options) {
	a := o.augmented()
	if len(a.all) == 0 {
		return
	}
	g.bends = &augmenter{augmented: a, uniform: uniforms(g.parts.stream(b, "augment"))}
	if a.target > 0 {
		g.bends.chance = b.Scope.FullOf(torch.Float64, 0)
		g.parts.Kept = append(g.parts.Kept, Kept{"augment", g.bends.chance})
	}
}

// meters makes those of the losses: the penalties' is there where they are, and so is the augmentations' chance.
func (g *gan) meters(s *torch.Scope) {
	names, labels := []string{"loss_d", "d_real", "d_fake"}, []string{"loss D", "D(x)", "D(G(z))"}
	if _, classifies := g.disc.(model.Classifier); classifies {
		names, labels = append(names, "accuracy_real", "accuracy_fake"), append(labels, "classes of reals", "of fakes")
	}
	if g.bends != nil && g.bends.chance.Valid() {
		names, labels = append(names, "augment"), append(labels, "augment")
	}
	if len(g.held.terms) > 0 {
		names, labels = append(names, "penalty"), append(labels, "penalty")
	}
	g.parts.Meters = []Meter{
		newMeter(s, keyDiscriminator, g.updates, names, labels),
		newMeter(s, keyGenerator, 1, []string{"loss_g"}, []string{"loss G"}),
	}
	g.parts.Meters[0].Probabilities = g.loss.Probabilities
	g.sumsD, g.sumsG = g.parts.Meters[0].Sums, g.parts.Meters[1].Sums
	g.steepness = g.parts.measureGradient(s, g.gen)
	if g.loss.Value && g.label == 1 {
		g.parts.Figures = valueFigures("loss_d")
	}
}

// hold sets up the penalties.
func (g *gan) hold(b *model.Builder, o Options, batch int) {
	g.held.every = int64(o.PenaltyEvery)
	for _, a := range o.penalties() {
		if a.auto {
			a.from = autoGamma(pixelsOf(g.parts.Nets[0].Output), batch)
			a.to = a.from
			g.parts.Notes = append(g.parts.Notes, fmt.Sprintf("--penalty %s=auto: weight %.4g, .0002 side^2 / batch", a.name, a.from))
		}
		if a.Of == nil {
			params := nn.Parameters(g.disc)
			g.held.clips = func(s *torch.Scope) { a.After(s, a.from, params) }
			continue
		}
		every := float64(o.PenaltyEvery)
		g.held.terms = append(g.held.terms, term{a.Penalty, g.parts.dial(b.Scope, a.name, o.between(a.from*every, a.to*every))})
		if a.At != nil {
			g.parts.Phases = []string{phaseReal, phaseFake, phasePenalty, phaseUpdate, phaseGen, phaseGenOpt}
			g.held.uniform = uniforms(g.parts.stream(b, "penalty"))
		}
		if a.name == "gp" && normalisesBatches(g.disc) {
			g.parts.Notes = append(g.parts.Notes, "--penalty gp: the discriminator has BatchNorm, by which the gradient at a sample hangs on the others: WGAN-GP's has none (--model resnet)")
		}
	}
}

// pixelsOf is how many pixels an image has; a point counts as one.
func pixelsOf(v Value) int {
	n := 1
	for _, side := range v.Shape[1:] {
		n *= side
	}
	return n
}

func normalisesBatches(m nn.Module) bool {
	for _, e := range nn.Entries(m) {
		if strings.HasSuffix(e.Name, "running_mean") {
			return true
		}
	}
	return false
}

// generatorPasses counts a step's.
func (o Options) generatorPasses() Passes {
	return Passes{Forward: float64(o.DiscSteps), Weights: 1, Between: 1}
}

// discriminatorPasses counts a step's for each element of a batch: reals and fakes of each update, and once through it to the
// generator, which the weights are not asked for. A penalty goes back to its samples and from there forward and to the weights
// again; at samples of its own it also goes forward to them. What bends between the layers adds to that, and is not counted.
func (o Options) discriminatorPasses() Passes {
	k := float64(o.DiscSteps)
	p := Passes{Forward: 2*k + 1, Weights: 2 * k, Between: 2*k + 1, Input: 1}
	if objectives[o.Loss].Pair != nil {
		p.Forward++
	}
	due := k / float64(o.PenaltyEvery)
	shared := map[place]bool{}
	for _, a := range o.penalties() {
		if a.Of == nil || shared[a.On] {
			continue
		}
		if a.On == elsewhere {
			p.Forward += due
		}
		shared[a.On] = a.On != elsewhere
		p.Forward, p.Weights, p.Between, p.Input = p.Forward+due, p.Weights+due, p.Between+due, p.Input+due
	}
	return p.times(1 / float64(o.Pack))
}
