package method

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The curves themselves are compared with PyTorch's schedulers in the trainings of golden_gans.py, but for the linear one.
func TestSchedules(t *testing.T) {
	o := Options{Schedule: "linear", LREnd: .5, Warmup: 4}
	rate := o.rate(2)
	for step, want := range []float64{.5, 1, 1.5, 2, 2, 2 - 1./6, 2 - 2./6} {
		assert.InDelta(t, want, rate(int64(step), 10), 1e-12, step)
	}
	assert.InDelta(t, 1, rate(10, 10), 1e-12)
	assert.InDelta(t, 1, rate(99, 10), 1e-12, "beyond the end it stays")

	falling := Options{Schedule: "constant"}.between(.1, 0)
	assert.InDelta(t, .075, falling(1, 4), 1e-12, "a number with an end falls even where rates do not")
	assert.Equal(t, falling(1, 4), Options{Schedule: "exponential"}.between(.1, 0)(1, 4))
	assert.InDelta(t, .1*(1+math.Sqrt2/2)/2, Options{Schedule: "cosine"}.between(.1, 0)(1, 4), 1e-12)

	// The half-life, ln .5 / ln decay, grows in equal steps to the one that was asked for.
	decay := risingDecay(.99, 10)
	assert.InDelta(t, .99, decay(9, 0), 1e-12)
	assert.InDelta(t, .99, decay(500, 0), 1e-12)
	assert.InDelta(t, math.Log(.99)*2, math.Log(decay(4, 0)), 1e-12)
	assert.InDelta(t, .99, risingDecay(.99, 0)(0, 0), 1e-12)
}
