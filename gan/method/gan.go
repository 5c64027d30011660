package method

import (
	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// gan is the training of a generator against a discriminator.
type gan struct {
	parts        Parts
	gen, disc    nn.Module
	optG, optD   optim.Optimizer
	loss         Objective
	sumsD, sumsG torch.Tensor // {loss, score on real, score on fake}, {loss}
	average      *average     // of the generator; nil without one
	noise        func(s *torch.Scope, n int) torch.Tensor
	updates      int // of the discriminator a step
}

// Keys of the networks in a checkpoint.
const (
	keyGenerator     = "generator"
	keyDiscriminator = "discriminator"
	keyAverage       = "generator_ema"
)

// The parts of a step, in the order of a report.
const (
	phaseReal   = "discriminator_real"
	phaseFake   = "discriminator_fake"
	phaseUpdate = "discriminator_update"
	phaseGen    = "generator"
	phaseGenOpt = "generator_update"
)

func (g *gan) Parts() *Parts     { return &g.parts }
func (g *gan) Batches() int      { return g.updates }
func (g *gan) Variant(int64) int { return 0 }

// Step is the official order (pytorch/examples, dcgan/main.py): a discriminator update on each batch of reals, then the
// generator once, on the fakes that the discriminator has just seen.
func (g *gan) Step(s *torch.Scope, batches []Batch, _ int) {
	last := len(batches) - 1
	for _, b := range batches[:last] {
		g.discOnly(s, b.X)
	}
	c := s.Child()
	defer c.Close()
	real := c.Use(batches[last].X)
	g.parts.At(phaseGen)
	fake := g.gen.Forward(g.noise(c, real.Shape()[0]))
	g.trainDisc(c, real, fake)
	g.trainGen(c, fake)
}

// discOnly is a discriminator update whose fakes the generator will not learn from, so they need no graph.
func (g *gan) discOnly(s *torch.Scope, real torch.Tensor) {
	c := s.Child()
	defer c.Close()
	quiet := c.Child(torch.NoGrad)
	g.parts.At(phaseGen)
	fake := c.Use(g.gen.Forward(g.noise(quiet, real.Shape()[0])))
	quiet.Close()
	g.trainDisc(c, c.Use(real), fake)
}

func (g *gan) trainDisc(c *torch.Scope, real, fake torch.Tensor) {
	g.parts.At(phaseReal)
	lossReal, onReal := g.accumulate(real, g.loss.Real)
	g.parts.At(phaseFake)
	lossFake, onFake := g.accumulate(fake.Detach(), g.loss.Fake) // two forwards: BatchNorm sees each alone
	g.parts.At(phaseUpdate)
	c.MeterAdd(g.sumsD, lossReal.Add(lossFake), onReal, onFake)
	g.optD.Step()
}

// accumulate differentiates one side of the discriminator's loss; loss and mean score come back without a graph.
func (g *gan) accumulate(images torch.Tensor, side func(torch.Tensor) torch.Tensor) (loss, score torch.Tensor) {
	logits := g.disc.Forward(images)
	l := side(logits)
	g.optD.Accumulate(l)
	return l.Detach(), g.loss.score(logits.Detach())
}

func (g *gan) trainGen(c *torch.Scope, fake torch.Tensor) {
	g.parts.At(phaseGen)
	l := g.loss.Generator(g.disc.Forward(fake)) // through the updated discriminator
	g.optG.Accumulate(l)
	g.parts.At(phaseGenOpt)
	c.MeterAdd(g.sumsG, l.Detach())
	g.optG.Step()
	if g.average != nil {
		g.average.follow(c)
	}
}

// ganNets builds the generator, the discriminator and, where one is asked for, the average.
func ganNets(b *model.Builder, o Options, of data.Shape) []Net {
	m, k := model.Table[o.Model.Name], float64(o.DiscSteps)
	latent, sample := Value{"latents", []int{o.Model.Latent, 1, 1}}, sampleValue(of)
	gen := Net{
		Key: keyGenerator, Module: m.Generator(b, o.Model, of), Input: latent, Output: sample, Draws: true,
		Init: Init{o.InitGenerator, []string{keyGenerator, "netG", "G"}}, Passes: Passes{Forward: k, Weights: 1, Between: 1},
	}
	disc := Net{
		Key: keyDiscriminator, Module: m.Discriminator(b, o.Model, of), Input: sample, Output: Value{"score", nil},
		Probabilities: objectives[o.Loss].Probabilities,
		Init:          Init{o.InitDiscriminator, []string{keyDiscriminator, "netD", "D"}},
		// Reals and fakes of each update, and once through it to the generator, which the weights are not asked for.
		Passes: Passes{Forward: 2*k + 1, Weights: 2 * k, Between: 2*k + 1, Input: 1},
	}
	if disc.Probabilities {
		disc.Output.Name = "probability"
	}
	if o.EMA == 0 {
		return []Net{gen, disc}
	}
	return []Net{gen, disc, {
		Key: keyAverage, Module: m.Generator(b.Blank(), o.Model, of), Input: latent, Output: sample, Draws: true, Averages: keyGenerator,
	}}
}

// sampleValue is what a network makes or judges.
func sampleValue(of data.Shape) Value {
	if of.IsPoints() {
		return Value{"points", []int{of.Points}}
	}
	return Value{"images", []int{of.Channels, of.Height, of.Width}}
}

func ganSampler(n Net, o Options) Sampler { return latents(n, o.Prior, o.Model.Latent) }

func newGAN(b *model.Builder, o Options, nets []Net) Method {
	s := b.Scope
	g := &gan{gen: nets[0].Module, disc: nets[1].Module, loss: objectives[o.Loss], updates: o.DiscSteps}
	g.parts = Parts{
		Nets:    nets,
		Streams: []Stream{{Noise, b.Stream(Noise)}, {"dropout", b.Stream("dropout")}},
		Meters: []Meter{
			newMeter(s, keyDiscriminator, o.DiscSteps, []string{"loss_d", "d_real", "d_fake"}, []string{"loss D", "D(x)", "D(G(z))"}),
			newMeter(s, keyGenerator, 1, []string{"loss_g"}, []string{"loss G"}),
		},
		Phases: []string{phaseReal, phaseFake, phaseUpdate, phaseGen, phaseGenOpt},
	}
	g.sumsD, g.sumsG = g.parts.Meters[0].Sums, g.parts.Meters[1].Sums
	g.optG = g.parts.optimize(s, "optimizer_g", "lr_g", o, nets[0], o.GenLR)
	g.optD = g.parts.optimize(s, "optimizer_d", "lr_d", o, nets[1], o.DiscLR)
	draw := ganSampler(nets[0], o).Noise
	g.noise = func(s *torch.Scope, n int) torch.Tensor { return draw(s, b.Stream(Noise), n) }
	if o.EMA > 0 {
		g.average = newAverage(nets[2].Module, g.gen, g.parts.dial(s, "ema", constant(o.EMA)))
		g.average.start(s)
	}
	return g
}
