package method

import (
	"math"

	"forger/torch"
	"forger/torch/nn"
)

// steepness is how the norm of a network's gradient is measured: at a few steps, for it is a pass over all its weights.
type steepness struct {
	of   []torch.Tensor
	sums torch.Tensor // a meter's
}

// steepEvery is how many steps lie between two measurements.
const steepEvery = 10

// steep is the bit of a variant in which the gradient is measured.
const steep = 2

func (steepness) variant(step int64) int {
	if step%steepEvery == steepEvery-1 {
		return steep
	}
	return 0
}

// measureGradient adds a meter of a network's gradient to p.
func (p *Parts) measureGradient(s *torch.Scope, m nn.Module) steepness {
	meter := newMeter(s, "gradient", 1, []string{"grad_g"}, []string{""})
	meter.Period = steepEvery
	p.Meters = append(p.Meters, meter)
	return steepness{nn.Parameters(m), meter.Sums}
}

// measure takes the norm of the whole batch's gradients, before the optimizer drops them.
func (g steepness) measure(c *torch.Scope, variant int) {
	if variant&steep != 0 {
		meter(c, g.sums, c.ClipGradNorm(g.of, math.Inf(1)))
	}
}
