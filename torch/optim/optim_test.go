package optim_test

import (
	"maps"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/optim"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var makers = map[string]func(s *torch.Scope, p []torch.Tensor) optim.Optimizer{
	"adam": func(s *torch.Scope, p []torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: .05, Beta1: .5, Beta2: .999, Eps: 1e-8})
	},
	"adam_decay": func(s *torch.Scope, p []torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: .05, Beta1: .9, Beta2: .99, Eps: 1e-8, WeightDecay: .1})
	},
	"sgd": func(s *torch.Scope, p []torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: .05})
	},
	"sgd_momentum": func(s *torch.Scope, p []torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: .05, Momentum: .9, WeightDecay: .1})
	},
	"rmsprop": func(s *torch.Scope, p []torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: .05, Alpha: .99, Eps: 1e-8})
	},
	"rmsprop_momentum": func(s *torch.Scope, p []torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: .05, Alpha: .99, Eps: 1e-8, Momentum: .9, WeightDecay: .1})
	},
}

type run struct {
	Steps [][][]float64 // step, parameter, value
	State map[string][]float64
	Group map[string]any
}

// Ten steps of each optimizer leave parameters and state where torch.optim does, in both precisions.
func TestTenStepsAsPyTorch(t *testing.T) {
	var golden struct{ Optimizers map[string]run }
	torchtest.Golden(t, "testdata/steps.json", &golden)
	assert.Equal(t, slices.Sorted(maps.Keys(golden.Optimizers)), slices.Sorted(maps.Keys(makers)))
	for name, want := range golden.Optimizers {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				tenSteps(t, s, makers[name], want, torch.Float64, 1e-10)
				tenSteps(t, s, makers[name], want, torch.Float32, 2e-4)
			})
		})
	}
}

func tenSteps(t *testing.T, s *torch.Scope, maker func(*torch.Scope, []torch.Tensor) optim.Optimizer, want run,
	d torch.DType, tol float64) {
	t.Helper()
	fill := func(in *torch.Scope, stream int, shape ...int) torch.Tensor {
		return in.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...).To(d)
	}
	params := []torch.Tensor{fill(s, 1, 3, 4).RequireGrad(), fill(s, 2, 3).RequireGrad()}
	o := maker(s, params)
	for i, after := range want.Steps {
		c := s.Child()
		r := fill(c, 30+i, 2, 4).Linear(params[0], params[1]).Sub(fill(c, 50+i, 2, 3))
		o.Accumulate(r.Mul(r).Sum())
		o.Step()
		for k, p := range params {
			torchtest.Close(t, after[k], p.Doubles(), tol, tol, "parameter")
			assert.False(t, c.Gradient(p).Valid(), "a step drops the gradients")
		}
		c.Close()
	}
	state := o.State()[0]
	for name, values := range want.State {
		require.Contains(t, state, name)
		torchtest.Close(t, values, state[name].Doubles(), tol, tol, name)
	}
	assert.Equal(t, slices.Sorted(maps.Keys(want.State)), slices.Sorted(maps.Keys(state)), "torch.optim's names")
	assert.Equal(t, slices.Sorted(maps.Keys(want.Group)), slices.Sorted(maps.Keys(o.Group())), "torch.optim's names")
}

func TestAccumulateTouchesItsOwnParametersOnly(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		mine, other := s.Ones(2).RequireGrad(), s.Ones(2).RequireGrad()
		o := optim.NewSGD(s, []torch.Tensor{mine}, torch.SGDOptions{LR: 1})
		loss := func() torch.Tensor { return mine.Mul(other).Sum() }
		o.Accumulate(loss())
		o.Accumulate(loss())
		assert.Equal(t, []float64{2, 2}, s.Gradient(mine).Doubles(), "two losses add up")
		assert.False(t, s.Gradient(other).Valid())
		o.Step()
		assert.Equal(t, []float64{-1, -1}, mine.Doubles())
		assert.Equal(t, []float64{1, 1}, other.Doubles())
		o.Step() // without gradients nothing moves
		assert.Equal(t, []float64{-1, -1}, mine.Doubles())
		o.SetLR(.5)
		o.Accumulate(loss())
		o.Step()
		assert.Equal(t, []float64{-1.5, -1.5}, mine.Doubles())
	})
}

func TestMeterAddsUpAndRemembersTheFirstBadCount(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		sums := s.FullOf(torch.Float64, 0, 4)
		for i := range 3 {
			s.MeterAdd(sums, s.Full(float64(i)), s.Full(.5))
		}
		assert.Equal(t, []float64{3, 1.5, 3, 0}, sums.Doubles())
		s.MeterAdd(sums, s.Zeros().Log(), s.Full(1))
		s.MeterAdd(sums, s.Full(1), s.Zeros().Div(s.Zeros()))
		assert.Equal(t, []float64{5, 4}, sums.Doubles()[2:])
	})
}
