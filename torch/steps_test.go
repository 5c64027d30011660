package torch_test

import (
	"testing"

	"forger/torch"
	"forger/torch/optim"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// ways are the two in which a step takes its numbers on the CPU: it reads them, or, as when it is captured, it does not.
var ways = map[string]func(t *testing.T, s *torch.Scope, step func()){
	"read":   func(_ *testing.T, _ *torch.Scope, step func()) { step() },
	"unread": func(t *testing.T, s *torch.Scope, step func()) { require.NoError(t, s.Rehearse(step)) },
}

// A rate that is not read does what one does that is. The rates are ones that float32 holds, as the fused kernels take
// them.
func TestStepsThatReadNoRate(t *testing.T) {
	steps := func(kind string, d torch.DType, way func(*testing.T, *torch.Scope, func())) (end []float64) {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			fill := func(stream, n int) torch.Tensor { return s.FromDoubles(torchtest.Fill(stream, n), n).To(d) }
			p := []torch.Tensor{fill(1, 33).RequireGrad(), fill(2, 5).RequireGrad()}
			lr, momentum := s.FullOf(torch.Float64, 0), s.FullOf(torch.Float64, 0)
			o := unread[kind](s, p, lr, momentum)
			for i := range 6 {
				lr.Fill(1 / float64(int(8)<<i))
				momentum.Fill(.5 + float64(i)/32)
				o.Accumulate(p[0].Mul(fill(3+i, 33)).Sum().Add(p[1].Mul(p[1]).Sum()))
				way(t, s, o.Step)
			}
			end = torch.Cat(0, p...).Doubles()
		})
		return end
	}
	for kind := range unread {
		start := append(torchtest.Fill(1, 33), torchtest.Fill(2, 5)...)
		want := steps(kind, torch.Float64, ways["read"])
		torchtest.Close(t, want, steps(kind, torch.Float64, ways["unread"]), 1e-13, 1e-13, kind)
		torchtest.Close(t, want, steps(kind, torch.Float32, ways["unread"]), 1e-5, 1e-5, kind)
		assert.NotEqual(t, start, want, kind)
	}
}

// Each step of an average goes by what the decay holds then; copies are copies.
func TestAnAverageFollows(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				avg, of := s.FromFloats([]float32{1, -2}, 2), s.FromFloats([]float32{3, 6}, 2)
				buffer, count := s.Zeros(2), s.FullOf(torch.Int64, 0)
				decay := s.FullOf(torch.Float64, .75)
				follow := func() {
					way(t, s, func() {
						s.Average([]torch.Tensor{avg}, []torch.Tensor{of}, decay, []torch.Tensor{buffer, count},
							[]torch.Tensor{of, s.FullOf(torch.Int64, 7)})
					})
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
			})
		})
	}
}

// What it holds still does not drift: thousands of steps round, and the average arrives all the same.
func TestAnAverageArrives(t *testing.T) {
	for name, way := range ways {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			avg, of := s.Zeros(100), s.Rand(s.NewGenerator(1), 100).Affine(1, 1)
			decay := s.FullOf(torch.Float64, .99)
			way(t, s, func() {
				for range 4000 {
					s.Average([]torch.Tensor{avg}, []torch.Tensor{of}, decay, nil, nil)
				}
			})
			torchtest.Close(t, of.Doubles(), avg.Doubles(), 3e-5, 0, name)
		})
	}
}

// State that is not of its parameter's kind is refused: the kernels would go through memory that is not there.
func TestAStepRefusesStateOfAnotherKind(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		list := func(t torch.Tensor) []torch.Tensor { return []torch.Tensor{t} }
		lr, count := s.FullOf(torch.Float64, .1), s.Full(0)
		p := s.Ones(4, 4).RequireGrad()
		like := s.Zeros(4, 4)
		for name, step := range map[string]func(){
			"short": func() {
				s.AdamStep(torch.AdamState{Params: list(p), ExpAvg: list(s.Zeros(4)), ExpAvgSq: list(like), Steps: list(count)}, torch.AdamOptions{LR: lr})
			},
			"double": func() {
				s.AdamStep(torch.AdamState{Params: list(p), ExpAvg: list(like), ExpAvgSq: list(s.FullOf(torch.Float64, 0, 4, 4)), Steps: list(count)}, torch.AdamOptions{LR: lr})
			},
			"turned": func() {
				s.AdamStep(torch.AdamState{Params: list(p), ExpAvg: list(like.Permute(1, 0)), ExpAvgSq: list(like), Steps: list(count)}, torch.AdamOptions{LR: lr})
			},
			"count": func() {
				s.AdamStep(torch.AdamState{Params: list(p), ExpAvg: list(like), ExpAvgSq: list(like), Steps: list(lr)}, torch.AdamOptions{LR: lr})
			},
			"momentum": func() { s.SGDStep(list(p), list(s.Zeros(4)), torch.SGDOptions{LR: lr, Momentum: lr}) },
			"square": func() {
				s.RMSpropStep(torch.RMSpropState{Params: list(p), SquareAvg: list(s.Zeros(4)), Steps: list(count)}, torch.RMSpropOptions{LR: lr})
			},
		} {
			p.Mul(p).Sum().Backward(p)
			assert.Contains(t, torchtest.Error(t, step).Error(), "the state of parameter 0 is not of its kind", name)
		}
		e := torchtest.Error(t, func() { s.AdamStep(torch.AdamState{Params: list(p)}, torch.AdamOptions{LR: lr}) })
		assert.Contains(t, e.Error(), "0 tensors for 1")
		e = torchtest.Error(t, func() { s.SGDStep(list(p), nil, torch.SGDOptions{LR: s.Zeros(2)}) })
		assert.Contains(t, e.Error(), "not of one number")
		assert.Equal(t, p.Scope().Ones(4, 4).Doubles(), p.Detach().Doubles(), "nothing was changed")
	})
}

// A gradient may be zeros that have no memory, here the derivative of a sign.
func TestAStepTakesZerosWithoutMemory(t *testing.T) {
	for kind, with := range unread {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			after := func(loss func(p torch.Tensor) torch.Tensor) []float64 {
				p := s.FromDoubles([]float64{1, -2, 3}, 3).RequireGrad()
				o := with(s, []torch.Tensor{p}, s.FullOf(torch.Float64, .5), s.FullOf(torch.Float64, .9))
				o.Accumulate(loss(p))
				o.Step()
				return p.Detach().Doubles()
			}
			want := after(func(p torch.Tensor) torch.Tensor { return p.Mul(s.Zeros(3)).Sum() })
			assert.Equal(t, want, after(func(p torch.Tensor) torch.Tensor { return torch.Grad(p.Abs().Sum(), true, p)[0].Sum() }), kind)
		})
	}
}
