package method

import (
	"forger/torch"
)

// held is what holds a discriminator to smooth functions.
type held struct {
	terms   []term
	every   int64              // steps; lazily above 1
	clips   func(*torch.Scope) // after an update; nil: nothing
	uniform source             // for the samples of those that take their own
}

// term is a penalty of gradients in the loss.
type term struct {
	Penalty
	weight torch.Tensor // a dial's
}

// of is the weighted term, of dD/dx [N,...] at samples of which the discriminator judges m at once.
func (t term) of(gradient torch.Tensor, m int) torch.Tensor {
	n := gradient.Shape()[0] / m
	return t.Of(gradient.Reshape(n, -1)).Mul(t.weight)
}

// penalised is the bit of a variant in which gradients are.
const penalised = 1

func (h held) variant(step int64) int {
	if len(h.terms) > 0 && step%h.every == 0 {
		return penalised
	}
	return 0
}

func (h held) after(s *torch.Scope) {
	if h.clips != nil {
		h.clips(s)
	}
}

// judgement is what the discriminator made of samples.
type judgement struct {
	logits, classes torch.Tensor
	penalty         torch.Tensor // to be added to the loss; the zero Tensor: nothing
}

// judge is the logits of samples, and what is to be added to their loss: the penalties of gradients at these very samples, which
// share the pass forward.
func (g *gan) judge(x, labels torch.Tensor, at place, variant int) judgement {
	var due []term
	for _, t := range g.held.terms {
		if t.On == at && variant&penalised != 0 {
			due = append(due, t)
		}
	}
	return g.judgeFor(x, labels, due)
}

// judgeFor is the same for the terms that are due.
func (g *gan) judgeFor(x, labels torch.Tensor, due []term) (j judgement) {
	if len(due) > 0 {
		x = x.Detach().RequireGrad()
	}
	if j.logits, j.classes = g.sees(x, labels); len(due) == 0 {
		return j
	}
	gradient := torch.Grad(j.logits, true, x)[0]
	for _, t := range due {
		if one := t.of(gradient, g.pack); j.penalty.Valid() {
			j.penalty = j.penalty.Add(one)
		} else {
			j.penalty = one
		}
	}
	return j
}

// penalise differentiates the penalties that are taken at samples of their own, and returns their sum. Each is a pass
// forward in training like any other: as in PyTorch, running statistics and power iterations move on.
func (g *gan) penalise(c *torch.Scope, real, fake, labels torch.Tensor, variant int) (sum torch.Tensor) {
	if variant&penalised == 0 {
		return sum
	}
	for _, t := range g.held.terms {
		if t.On != elsewhere {
			continue
		}
		g.parts.At(phasePenalty)
		penalty := g.judgeFor(t.At(g.held.uniform, real, fake), labels, []term{t}).penalty
		g.optD.learn(penalty)
		sum = sumOf(c, sum, penalty.Detach())
	}
	return sum
}

// sumOf is a 0-dim sum of those that there are.
func sumOf(c *torch.Scope, of ...torch.Tensor) torch.Tensor {
	sum := c.FullOf(torch.Float64, 0)
	for _, t := range of {
		if t.Valid() {
			sum = sum.Add(t.Detach())
		}
	}
	return sum
}
