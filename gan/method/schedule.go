package method

import "math"

// Schedule is a number at a step of a run of so many.
type Schedule func(step, steps int64) float64

// constant never moves.
func constant(v float64) Schedule { return func(_, _ int64) float64 { return v } }

// Curve is the way from 1, at t = 0, to end at t = 1.
type Curve struct {
	Doc string
	at  func(t, end float64) float64
}

// curves is where a schedule is added.
var curves = map[string]Curve{
	"constant":    {"as it is", func(float64, float64) float64 { return 1 }},
	"linear":      {"in equal steps; torch's LinearLR", func(t, end float64) float64 { return 1 + (end-1)*t }},
	"cosine":      {"slowly, fast, slowly; torch's CosineAnnealingLR", func(t, end float64) float64 { return end + (1-end)*(1+math.Cos(math.Pi*t))/2 }},
	"exponential": {"by an equal share a step; torch's ExponentialLR", func(t, end float64) float64 { return math.Pow(end, t) }},
}

// rate is a learning rate's: it climbs to base in equal steps of the warm-up, and takes the curve for the rest of the run, to
// lr-end of base.
func (o Options) rate(base float64) Schedule {
	warm, curve := int64(o.Warmup), curves[o.Schedule]
	return func(step, steps int64) float64 {
		if step < warm {
			return base * float64(step+1) / float64(warm)
		}
		return base * curve.at(share(step-warm, steps-warm), o.LREnd)
	}
}

// between goes from one number to another over the run: by the rates' curve, or in equal steps where that is constant.
func (o Options) between(from, to float64) Schedule {
	if from == to {
		return constant(from)
	}
	curve := curves[o.Schedule]
	if o.Schedule == "constant" || o.Schedule == "exponential" { // a number may have to fall to 0
		curve = curves["linear"]
	}
	return func(step, steps int64) float64 {
		return to + (from-to)*curve.at(share(step, steps), 0)
	}
}

// momentum is the optimizers'.
func (o Options) momentum() Schedule {
	if o.MomentumEnd == 0 {
		return constant(o.Momentum)
	}
	return o.between(o.Momentum, o.MomentumEnd)
}

// risingDecay is an average's whose half-life grows with the steps of the warm-up, as StyleGAN2-ADA's ema_rampup has it: the
// first generators are soon forgotten.
func risingDecay(decay float64, warm int) Schedule {
	return func(step, _ int64) float64 {
		return math.Pow(decay, max(1, float64(warm)/float64(step+1)))
	}
}

// share is how much of a run is over, up to 1.
func share(step, steps int64) float64 {
	if step >= steps {
		return 1
	}
	return float64(step) / float64(steps)
}
