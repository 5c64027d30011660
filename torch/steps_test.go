package torch_test

import (
	"testing"

	"forger/torch"
	"forger/torch/optim"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// unread are the optimizers whose steps take rates that stay on a CUDA device.
var unread = map[string]func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer{
	"adam": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .5, Beta2: .999, Eps: 1e-8, WeightDecay: .1})
	},
	"sgd": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, WeightDecay: .1})
	},
	"sgd with momentum": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, Momentum: momentum, WeightDecay: .1})
	},
	"adamw": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .5, Beta2: .999, Eps: 1e-8, WeightDecay: .1, Decoupled: true, AMSGrad: true})
	},
	"sgd with nesterov": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, Momentum: momentum, WeightDecay: .1, Nesterov: true})
	},
	"rmsprop": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: lr, Alpha: .99, Eps: 1e-8, WeightDecay: .1})
	},
	"rmsprop with momentum": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: lr, Alpha: .99, Eps: 1e-8, Momentum: momentum})
	},
}

// A rate that is not read does what one does that is. The rates are ones that float32 holds, as the fused kernels take
// them.
func TestStepsThatReadNoRate(t *testing.T) {
	steps := func(kind string, d torch.DType, options ...torch.Option) (end []float64) {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			fill := func(stream, n int) torch.Tensor { return s.FromDoubles(torchtest.Fill(stream, n), n).To(d) }
			p := []torch.Tensor{fill(1, 33).RequireGrad(), fill(2, 5).RequireGrad()}
			lr, momentum := s.FullOf(torch.Float64, 0), s.FullOf(torch.Float64, 0)
			o := unread[kind](s, p, lr, momentum)
			for i := range 6 {
				lr.Fill(1 / float64(int(8)<<i))
				momentum.Fill(.5 + float64(i)/32)
				o.Accumulate(p[0].Mul(fill(3+i, 33)).Sum().Add(p[1].Mul(p[1]).Sum()))
				o.Step()
			}
			end = torch.Cat(0, p...).Doubles()
		}, options...)
		return end
	}
	for kind := range unread {
		start := append(torchtest.Fill(1, 33), torchtest.Fill(2, 5)...)
		want := steps(kind, torch.Float64)
		torchtest.Close(t, want, steps(kind, torch.Float64, torch.Resident), 1e-13, 1e-13, kind)
		torchtest.Close(t, want, steps(kind, torch.Float32, torch.Resident), 1e-5, 1e-5, kind)
		assert.NotEqual(t, start, want, kind)
	}
}

// Each step of an average goes by what the decay holds then; copies are copies.
func TestAnAverageFollows(t *testing.T) {
	for name, options := range map[string][]torch.Option{"read": nil, "unread": {torch.Resident}} {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				avg, of := s.FromFloats([]float32{1, -2}, 2), s.FromFloats([]float32{3, 6}, 2)
				buffer, count := s.Zeros(2), s.FullOf(torch.Int64, 0)
				decay := s.FullOf(torch.Float64, .75)
				follow := func() {
					s.Average([]torch.Tensor{avg}, []torch.Tensor{of}, decay, []torch.Tensor{buffer, count},
						[]torch.Tensor{of, s.FullOf(torch.Int64, 7)})
				}
				follow()
				assert.Equal(t, []float64{1.5, 0}, avg.Doubles())
				assert.Equal(t, []float64{3, 6}, buffer.Doubles())
				assert.Equal(t, []int64{7}, count.Ints())
				decay.Fill(.5)
				follow()
				assert.Equal(t, []float64{2.25, 3}, avg.Doubles())
				s.Average(nil, nil, torch.Tensor{}, []torch.Tensor{avg}, []torch.Tensor{of})
				assert.Equal(t, []float64{3, 6}, avg.Doubles())
				e := torchtest.Error(t, func() { s.Average([]torch.Tensor{avg}, []torch.Tensor{of}, torch.Tensor{}, nil, nil) })
				assert.Equal(t, torch.NotInitialised, e.Code)
			}, options...)
		})
	}
}

// What it holds still does not drift: thousands of steps round, and the average arrives all the same.
func TestAnAverageArrives(t *testing.T) {
	for name, options := range map[string][]torch.Option{"read": nil, "unread": {torch.Resident}} {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			avg, of := s.Zeros(100), s.Rand(s.NewGenerator(1), 100).Affine(1, 1)
			decay := s.FullOf(torch.Float64, .99)
			for range 4000 {
				s.Average([]torch.Tensor{avg}, []torch.Tensor{of}, decay, nil, nil)
			}
			torchtest.Close(t, of.Doubles(), avg.Doubles(), 3e-5, 0, name)
		}, options...)
	}
}
