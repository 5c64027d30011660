package method

import (
	"forger/torch"
	"forger/torch/nn"
)

// gan is the training of a generator against a discriminator.
type gan struct {
	view
	parts        Parts
	gen          nn.Module
	optG, optD   learner
	loss         Objective
	label        float64      // of real samples
	sumsD, sumsG torch.Tensor // {loss, score on real, score on fake} and, where there are, augmentations' chance and penalties; {loss}
	steepness    steepness
	average      *average // of the generator; nil without one
	draw         func(s *torch.Scope, n int) torch.Tensor
	updates      int  // of the discriminator a step
	together     bool // in a step, both learn from each other as they were before it
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
// generator once, on the fakes that the discriminator has just seen; or, of the last batch, both updates together (as
// Goodfellow et al. 2014 have it in their code).
func (g *gan) Step(s *torch.Scope, batches []Batch, variant int) {
	last := len(batches) - 1
	for _, b := range batches[:last] {
		g.discOnly(s, b, variant)
	}
	c := s.Child(torch.Part(batches[last].Share))
	defer c.Close()
	b := batches[last].In(c)
	g.parts.At(phaseGen)
	fake := nn.ForwardFor(g.gen, g.draw(c, b.X.Shape()[0]), b.Labels)
	if g.together {
		g.learnDisc(c, b, fake, variant)
		g.learnGen(c, b, fake)
		g.updateDisc(c)
	} else {
		g.trainDisc(c, b, fake, variant)
		g.learnGen(c, b, fake)
	}
	g.updateGen(c, variant)
}

// discOnly is a discriminator update whose fakes the generator will not learn from, so they need no graph.
func (g *gan) discOnly(s *torch.Scope, b Batch, variant int) {
	c := s.Child(torch.Part(b.Share))
	defer c.Close()
	quiet := c.Child(torch.NoGrad)
	g.parts.At(phaseGen)
	fake := c.Use(nn.ForwardFor(g.gen, g.draw(quiet, b.X.Shape()[0]), b.In(quiet).Labels))
	quiet.Close()
	g.trainDisc(c, b.In(c), fake, variant)
}

// trainDisc is an update of the discriminator.
func (g *gan) trainDisc(c *torch.Scope, b Batch, fake torch.Tensor, variant int) {
	g.learnDisc(c, b, fake, variant)
	g.updateDisc(c)
}

// learnDisc takes the discriminator's gradients: one graph at a time, which needs a third less memory than a joint loss, unless
// the objective needs both batches at once. Generated samples are of the classes that the reals are of.
func (g *gan) learnDisc(c *torch.Scope, b Batch, fake torch.Tensor, variant int) {
	g.parts.At(phaseReal)
	fake = fake.Detach()
	var loss torch.Tensor
	onReal := g.judge(b.X, b.Labels, atReal, variant)
	namedReal := onReal.named(b.Labels)
	if g.loss.Pair == nil {
		loss = g.learn(g.loss.Real(onReal.logits, g.label), onReal.penalty, namedReal)
	}
	g.parts.At(phaseFake)
	onFake := g.judge(fake, b.Labels, atFake, variant) // two forwards: BatchNorm sees each alone
	namedFake := onFake.named(b.Labels)
	if g.loss.Pair == nil {
		loss = loss.Add(g.learn(g.loss.Fake(onFake.logits), onFake.penalty, namedFake))
	} else {
		loss = g.learn(g.loss.Pair(onReal.logits, onFake.logits), onReal.penalty, onFake.penalty, namedReal, namedFake)
	}
	values := []torch.Tensor{loss, g.loss.score(onReal.logits.Detach()), g.loss.score(onFake.logits.Detach())}
	if onReal.classes.Valid() {
		values = append(values, onReal.right(b.Labels), onFake.right(b.Labels))
	}
	if g.bends != nil && g.bends.chance.Valid() {
		g.bends.adapt(onReal.logits.Detach(), b.whole())
		values = append(values, c.Use(g.bends.chance))
	}
	if len(g.held.terms) > 0 {
		penalty := g.penalise(c, b.X, fake, b.Labels, variant)
		values = append(values, sumOf(c, onReal.penalty, onFake.penalty, penalty).Detach())
	}
	meter(c, g.sumsD, values...)
}

func (g *gan) updateDisc(c *torch.Scope) {
	g.parts.At(phaseUpdate)
	g.optD.meet(c)
	g.optD.Step()
	g.held.after(c)
}

// named is the cross entropy of the classes, where the discriminator names them.
func (j judgement) named(labels torch.Tensor) (loss torch.Tensor) {
	if j.classes.Valid() {
		loss = j.classes.CrossEntropy(labels, 0, torch.MeanLoss)
	}
	return loss
}

// right is the share of samples whose class it names.
func (j judgement) right(labels torch.Tensor) torch.Tensor {
	logits := j.classes.Detach()
	_, found := logits.Max(1, false)
	return found.Eq(labels).To(logits.Info().DType).Mean()
}

// learn differentiates a loss of the discriminator and what is added to it, and returns the loss without its graph.
func (g *gan) learn(loss torch.Tensor, penalties ...torch.Tensor) torch.Tensor {
	total := loss
	for _, p := range penalties {
		if p.Valid() {
			total = total.Add(p)
		}
	}
	g.optD.learn(total)
	return loss.Detach()
}

// learnGen takes the generator's gradients, through the discriminator as it is.
func (g *gan) learnGen(c *torch.Scope, b Batch, fake torch.Tensor) {
	g.parts.At(phaseGen)
	var onReal torch.Tensor
	if g.loss.Pair != nil {
		quiet := c.Child(torch.NoGrad)
		of := b.In(quiet)
		logits, _ := g.sees(of.X, of.Labels)
		onReal = c.Use(logits)
		quiet.Close()
	}
	var onFake judgement
	onFake.logits, onFake.classes = g.sees(fake, b.Labels)
	l := g.loss.Generator(onFake.logits, onReal)
	if wrong := onFake.named(b.Labels); wrong.Valid() {
		g.optG.learn(l.Add(wrong))
	} else {
		g.optG.learn(l)
	}
	meter(c, g.sumsG, l.Detach())
}

func (g *gan) updateGen(c *torch.Scope, variant int) {
	g.parts.At(phaseGenOpt)
	g.optG.meet(c)
	g.steepness.measure(c, variant)
	g.optG.Step()
	if g.average != nil {
		g.average.follow(c)
	}
}
