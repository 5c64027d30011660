package optim_test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/optim"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A maker makes an optimizer with the rates lr and, where it has one, momentum.
type maker func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer

var makers = map[string]maker{
	"adam": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .5, Beta2: .999, Eps: 1e-8})
	},
	"adam_decay": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .9, Beta2: .99, Eps: 1e-8, WeightDecay: .1})
	},
	"sgd": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr})
	},
	"sgd_momentum": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, Momentum: momentum, WeightDecay: .1})
	},
	"rmsprop": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: lr, Alpha: .99, Eps: 1e-8})
	},
	"rmsprop_momentum": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: lr, Alpha: .99, Eps: 1e-8, Momentum: momentum, WeightDecay: .1})
	},
}

type run struct {
	Rates [][2]float64  // step: lr, momentum
	Steps [][][]float64 // step, parameter, value
	State map[string][]float64
	Group map[string]any
}

// Ten steps of each optimizer leave parameters and state where torch.optim does, in both precisions, at rates that stay
// and at rates that are filled in between the steps.
func TestTenStepsAsPyTorch(t *testing.T) {
	var golden struct{ Constant, Scheduled map[string]run }
	torchtest.Golden(t, "testdata/steps.json", &golden)
	for name, runs := range map[string]map[string]run{"constant": golden.Constant, "scheduled": golden.Scheduled} {
		assert.Equal(t, slices.Sorted(maps.Keys(runs)), slices.Sorted(maps.Keys(makers)))
		for kind, want := range runs {
			t.Run(name+"/"+kind, func(t *testing.T) {
				torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
					tenSteps(t, s, makers[kind], want, torch.Float64, 1e-10)
					tenSteps(t, s, makers[kind], want, torch.Float32, 2e-4)
				})
			})
		}
	}
}

func tenSteps(t *testing.T, s *torch.Scope, build maker, want run, d torch.DType, tol float64) {
	t.Helper()
	fill := func(in *torch.Scope, stream int, shape ...int) torch.Tensor {
		return in.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...).To(d)
	}
	params := []torch.Tensor{fill(s, 1, 3, 4).RequireGrad(), fill(s, 2, 3).RequireGrad()}
	lr, momentum := s.FullOf(torch.Float64, 0), s.FullOf(torch.Float64, 0)
	o := build(s, params, lr, momentum)
	for i, after := range want.Steps {
		lr.Fill(want.Rates[i][0])
		momentum.Fill(want.Rates[i][1])
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
	group := o.Group()
	assert.Equal(t, slices.Sorted(maps.Keys(want.Group)), slices.Sorted(maps.Keys(group)), "torch.optim's names")
	for _, name := range []string{"lr", "momentum", "weight_decay"} {
		assert.Equal(t, want.Group[name], group[name], name)
	}
}

// On the CPU a rate counts as the float64 that it is, down to the last bit of what PyTorch's own kernels make of it.
func TestTheCPUsBitsArePyTorchs(t *testing.T) {
	var want struct {
		Torch string
		Rates [][2]float64
		Ends  map[string]map[string][]float64 // optimizer, dtype
	}
	script := filepath.Join(torchtest.Root(t), "scripts", "golden.py")
	torchtest.JSON(t, &want, torchtest.Python(t), script, "fused", "0.0013", "7")
	require.NoError(t, torch.Load())
	if want.Torch != torch.Version() {
		t.Skipf("PyTorch %s has other kernels than libtorch %s", want.Torch, torch.Version())
	}
	for kind, ends := range want.Ends {
		for _, d := range []torch.DType{torch.Float32, torch.Float64} {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				fill := func(stream int) torch.Tensor { return s.FromDoubles(torchtest.Fill(stream, 37*41), 37, 41).To(d) }
				w := fill(1).RequireGrad()
				lr, momentum := s.FullOf(torch.Float64, 0), s.FullOf(torch.Float64, 0)
				o := plain[kind](s, []torch.Tensor{w}, lr, momentum)
				for i, rate := range want.Rates {
					lr.Fill(rate[0])
					momentum.Fill(rate[1])
					o.Accumulate(w.Mul(fill(30 + i)).Sum())
					o.Step()
				}
				assert.Equal(t, ends[d.String()], w.Doubles(), "%s, %s", kind, d)
			})
		}
	}
}

// plain is the optimizers without weight decay.
var plain = map[string]maker{
	"adam": makers["adam"], "sgd": makers["sgd"], "rmsprop": makers["rmsprop"],
	"sgd_momentum": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, Momentum: momentum})
	},
	"rmsprop_momentum": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: lr, Alpha: .99, Eps: 1e-8, Momentum: momentum})
	},
}

func TestAStepNeedsARate(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		p := []torch.Tensor{s.Ones(2).RequireGrad()}
		for name, o := range map[string]optim.Optimizer{
			"adam": optim.NewAdam(s, p, torch.AdamOptions{}), "sgd": optim.NewSGD(s, p, torch.SGDOptions{}),
			"rmsprop": optim.NewRMSprop(s, p, torch.RMSpropOptions{}),
		} {
			e := torchtest.Error(t, o.Step)
			assert.Equal(t, torch.NotInitialised, e.Code, name)
			assert.Equal(t, name, e.Op)
		}
	})
}

func TestAccumulateTouchesItsOwnParametersOnly(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		mine, other := s.Ones(2).RequireGrad(), s.Ones(2).RequireGrad()
		lr := s.FullOf(torch.Float64, 1)
		o := optim.NewSGD(s, []torch.Tensor{mine}, torch.SGDOptions{LR: lr})
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
		lr.Fill(.5)
		o.Accumulate(loss())
		o.Step()
		assert.Equal(t, []float64{-1.5, -1.5}, mine.Doubles())
	})
}

// A meter is read by nobody most of the time, so that what it costs a step is its kernels: six on CUDA, which casts within
// them. add_ of a number calls add_ of a tensor and counts twice; the rest are views, and the CPU's casts.
func TestMeterTakesFewKernels(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		sums, x := s.FullOf(torch.Float64, 0, 5), s.Ones()
		ops := torchtest.Ops(t, s, func() { s.MeterAdd(sums, x, x, x) })
		for _, op := range []string{"stack", "unsqueeze", "narrow", "select", "slice", "as_strided", "to", "_to_copy", "copy_", "empty_strided"} {
			delete(ops, "aten::"+op)
		}
		assert.Equal(t, map[string]int{"aten::cat": 1, "aten::add_": 4, "aten::linalg_vector_norm": 1, "aten::lt": 1}, ops)
	})
}

func TestMeterAddsUpAndCountsFromTheFirstBadValue(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		sums := s.FullOf(torch.Float64, 0, 4)
		for i := range 3 {
			s.MeterAdd(sums, s.Full(float64(i)), s.Full(.5))
		}
		assert.Equal(t, []float64{3, 1.5, 3, 0}, sums.Doubles())
		s.MeterAdd(sums, s.Zeros().Log(), s.Full(1)) // update 4
		s.MeterAdd(sums, s.Full(1), s.Zeros().Div(s.Zeros()))
		s.MeterAdd(sums, s.Full(1), s.Full(1))
		assert.Equal(t, []float64{6, 3}, sums.Doubles()[2:])
	})
}
