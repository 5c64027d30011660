package trainer

import (
	"math"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// healthy readings wander about as those of runs that went well do.
func healthy(step int) reading {
	return reading{Step: int64(50 * step), Diversity: .6 + .1*math.Sin(float64(step)), Real: .7, Fake: .3, Loss: 1 + .2*math.Sin(2.2*float64(step)), Gradient: .1 + .05*math.Sin(float64(step))}
}

func TestTheSentinelsStates(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(i int, r *reading)
	}{
		{"", func(int, *reading) {}},
		{collapsed, func(_ int, r *reading) { r.Diversity = .01 }},
		{collapsed, func(_ int, r *reading) { r.Diversity = .1 }}, // of .7 at best
		{saturated, func(_ int, r *reading) { r.Real, r.Fake = .999, .001 }},
		{saturated, func(_ int, r *reading) { r.Real, r.Fake = .5, .995 }},
		{saturated, func(_ int, r *reading) { r.Gradient = 1e-5 }},
		{saturated, func(_ int, r *reading) { r.Real, r.Fake = .7, .73 }},
		{"", func(i int, r *reading) { r.Gap = []float64{.4, .1, -2}[i%3] }}, // one bad log of three
		{oscillating, func(i int, r *reading) { r.Gap = []float64{.4, -.2, -2}[i%3] }},
		{oscillating, func(i int, r *reading) { r.Loss = 1 + .2*math.Pow(1.1, float64(i))*math.Sin(2.2*float64(i)) }},
	} {
		want, spoil := c.want, c.spoil
		var s sentinel
		for i := 1; i <= watched; i++ {
			assert.Nil(t, s.look(healthy(i)))
		}
		var told []string
		for i := 1; i <= watched; i++ {
			r := healthy(watched + i)
			spoil(i, &r)
			if a := s.look(r); a != nil {
				told = append(told, a.State)
			}
		}
		if want == "" {
			assert.Empty(t, told)
			continue
		}
		assert.Equal(t, []string{want}, told)
		assert.Equal(t, want, s.State)
		for i := range watched {
			s.look(healthy(2*watched + i))
		}
		assert.Empty(t, s.State, "it is told when that has passed")
	}
}

// A generator that starts has no diversity yet, or gains it slowly, and one bad reading is none.
func TestTheSentinelWaits(t *testing.T) {
	var slow sentinel
	for i := 1; i <= 10; i++ {
		r := healthy(i)
		r.Diversity = .004 * float64(i)
		assert.Nil(t, slow.look(r))
	}
	var s sentinel
	for i := 1; i <= 10; i++ {
		r := healthy(i)
		if i <= 2 || i == 7 {
			r.Diversity = 0
		}
		assert.Nil(t, s.look(r))
	}
	var lost sentinel // one that had started, and lost all of it
	for i, diversity := range []float64{.4, 0, 0, 0} {
		r := healthy(i)
		r.Step, r.Diversity = int64(20*(i+1)), diversity
		assert.Equal(t, i == 3, lost.look(r) != nil)
	}
}

func TestSpread(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.FromDoubles([]float64{0, 0, 3, 4, 3, 4, 0, 4}, 4, 2) // distances 5 5 4, 0 3, 3
		got := spreadOf(s, x)
		assert.InDelta(t, (5+5+4+0+3+3)/6., got.apart, 1e-6)
		assert.InDelta(t, (4+0+0+3)/4., got.nearest, 1e-6)
		assert.Equal(t, spread{}, spreadOf(s, s.Ones(5, 1, 2, 2)))
	})
}
