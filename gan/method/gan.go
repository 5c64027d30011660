package method

import (
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// gan is the training of a generator against a discriminator.
type gan struct {
	view
	parts        Parts
	gen          nn.Module
	optG, optD   optim.Optimizer
	loss         Objective
	label        float64      // of real samples
	sumsD, sumsG torch.Tensor // {loss, score on real, score on fake} and, where there are penalties, theirs; {loss}
	steepness    steepness
	average      *average // of the generator; nil without one
	draw         func(s *torch.Scope, n int) torch.Tensor
	updates      int // of the discriminator a step
	held         held
}

// Keys of the networks in a checkpoint.
const (
	keyGenerator     = "generator"
	keyDiscriminator = "discriminator"
	keyAverage       = "generator_ema"
)

// The parts of a step, in the order of a report.
const (
	phaseReal    = "discriminator_real"
	phaseFake    = "discriminator_fake"
	phasePenalty = "discriminator_penalty"
	phaseUpdate  = "discriminator_update"
	phaseGen     = "generator"
	phaseGenOpt  = "generator_update"
)

func (g *gan) Parts() *Parts { return &g.parts }
func (g *gan) Batches() int  { return g.updates }

// Variant says which gradients are penalised and measured.
func (g *gan) Variant(step int64) int { return g.held.variant(step) | g.steepness.variant(step) }

// Step is the official order (pytorch/examples, dcgan/main.py): a discriminator update on each batch of reals, then the
// generator once, on the fakes that the discriminator has just seen.
func (g *gan) Step(s *torch.Scope, batches []Batch, variant int) {
	last := len(batches) - 1
	for _, b := range batches[:last] {
		g.discOnly(s, b.X, variant)
	}
	c := s.Child()
	defer c.Close()
	real := c.Use(batches[last].X)
	g.parts.At(phaseGen)
	fake := g.gen.Forward(g.draw(c, real.Shape()[0]))
	g.trainDisc(c, real, fake, variant)
	g.trainGen(c, real, fake, variant)
}

// discOnly is a discriminator update whose fakes the generator will not learn from, so they need no graph.
func (g *gan) discOnly(s *torch.Scope, real torch.Tensor, variant int) {
	c := s.Child()
	defer c.Close()
	quiet := c.Child(torch.NoGrad)
	g.parts.At(phaseGen)
	fake := c.Use(g.gen.Forward(g.draw(quiet, real.Shape()[0])))
	quiet.Close()
	g.trainDisc(c, c.Use(real), fake, variant)
}

// trainDisc is an update of the discriminator: one graph at a time, which needs a third less memory than a joint loss, unless
// the objective needs both batches at once.
func (g *gan) trainDisc(c *torch.Scope, real, fake torch.Tensor, variant int) {
	g.parts.At(phaseReal)
	fake = fake.Detach()
	var loss torch.Tensor
	onReal, byReal := g.judge(real, atReal, variant)
	if g.loss.Pair == nil {
		loss = g.learn(g.loss.Real(onReal, g.label), byReal)
	}
	g.parts.At(phaseFake)
	onFake, byFake := g.judge(fake, atFake, variant) // two forwards: BatchNorm sees each alone
	if g.loss.Pair == nil {
		loss = loss.Add(g.learn(g.loss.Fake(onFake), byFake))
	} else {
		loss = g.learn(g.loss.Pair(onReal, onFake), byReal, byFake)
	}
	values := []torch.Tensor{loss, g.loss.score(onReal.Detach()), g.loss.score(onFake.Detach())}
	if len(g.held.terms) > 0 {
		penalty := g.penalise(c, real, fake, variant)
		values = append(values, sumOf(c, byReal, byFake, penalty).Detach())
	}
	g.parts.At(phaseUpdate)
	c.MeterAdd(g.sumsD, values...)
	g.optD.Step()
	g.held.after(c)
}

// learn differentiates a loss of the discriminator and what is added to it, and returns the loss without its graph.
func (g *gan) learn(loss torch.Tensor, penalties ...torch.Tensor) torch.Tensor {
	total := loss
	for _, p := range penalties {
		if p.Valid() {
			total = total.Add(p)
		}
	}
	g.optD.Accumulate(total)
	return loss.Detach()
}

// trainGen is an update of the generator, through the updated discriminator.
func (g *gan) trainGen(c *torch.Scope, real, fake torch.Tensor, variant int) {
	g.parts.At(phaseGen)
	var onReal torch.Tensor
	if g.loss.Pair != nil {
		quiet := c.Child(torch.NoGrad)
		onReal = c.Use(g.sees(quiet.Use(real)))
		quiet.Close()
	}
	l := g.loss.Generator(g.sees(fake), onReal)
	g.optG.Accumulate(l)
	g.parts.At(phaseGenOpt)
	c.MeterAdd(g.sumsG, l.Detach())
	g.steepness.measure(c, variant)
	g.optG.Step()
	if g.average != nil {
		g.average.follow(c)
	}
}
