package gan

import (
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// stepper is the training step. It knows no files and asks the device for nothing.
type stepper struct {
	gen, disc      nn.Module
	optG, optD     optim.Optimizer
	loss           Objective
	meterD, meterG torch.Tensor // sums on the device: {loss, score on real, score on fake}, {loss}
	average        *average     // of the generator; nil without --ema
	enter          func(phase)  // told of each part of a step, for measurements; nil in training
	draw           func(s *torch.Scope, n int) torch.Tensor
}

// Places in meterD; meterG has the loss alone. Both end in torch.MeterAdd's count and first count not finite.
const (
	placeLoss = iota
	placeReal
	placeFake
	placesD
	placesG = 1
)

// phase is a part of a training step.
type phase int

// The parts of a step, in the order of a report.
const (
	phaseData phase = iota
	phaseUpload
	phaseDiscReal
	phaseDiscFake
	phaseDiscUpdate
	phaseGen
	phaseGenUpdate
	phases
)

var phaseNames = [phases]string{"data", "upload", "discriminator_real", "discriminator_fake", "discriminator_update", "generator", "generator_update"}

func (t *stepper) at(p phase) {
	if t.enter != nil {
		t.enter(p)
	}
}

// step is the official order (pytorch/examples, dcgan/main.py): a discriminator update on each batch of reals
// [N,C,H,W], then the generator once, on the fakes that the discriminator has just seen.
func (t *stepper) step(s *torch.Scope, reals []torch.Tensor) {
	last := len(reals) - 1
	for _, real := range reals[:last] {
		t.discOnly(s, real)
	}
	c := s.Child()
	defer c.Close()
	real := c.Use(reals[last])
	t.at(phaseGen)
	fake := t.gen.Forward(t.draw(c, real.Shape()[0]))
	t.trainDisc(c, real, fake)
	t.trainGen(c, fake)
}

// discOnly is a discriminator update whose fakes the generator will not learn from, so they need no graph.
func (t *stepper) discOnly(s *torch.Scope, real torch.Tensor) {
	c := s.Child()
	defer c.Close()
	quiet := c.Child(torch.NoGrad)
	t.at(phaseGen)
	fake := c.Use(t.gen.Forward(t.draw(quiet, real.Shape()[0])))
	quiet.Close()
	t.trainDisc(c, c.Use(real), fake)
}

func (t *stepper) trainDisc(c *torch.Scope, real, fake torch.Tensor) {
	t.at(phaseDiscReal)
	lossReal, onReal := t.accumulate(real, t.loss.Real)
	t.at(phaseDiscFake)
	lossFake, onFake := t.accumulate(fake.Detach(), t.loss.Fake) // two forwards: BatchNorm sees each alone
	t.at(phaseDiscUpdate)
	c.MeterAdd(t.meterD, lossReal.Add(lossFake), onReal, onFake)
	t.optD.Step()
}

// accumulate differentiates one side of the discriminator's loss; loss and mean score come back without a graph.
func (t *stepper) accumulate(images torch.Tensor, side func(torch.Tensor) torch.Tensor) (loss, score torch.Tensor) {
	logits := t.disc.Forward(images)
	l := side(logits)
	t.optD.Accumulate(l)
	return l.Detach(), t.loss.score(logits.Detach())
}

func (t *stepper) trainGen(c *torch.Scope, fake torch.Tensor) {
	t.at(phaseGen)
	l := t.loss.Generator(t.disc.Forward(fake)) // through the updated discriminator
	t.optG.Accumulate(l)
	t.at(phaseGenUpdate)
	c.MeterAdd(t.meterG, l.Detach())
	t.optG.Step()
	if t.average != nil {
		t.average.follow(c)
	}
}
