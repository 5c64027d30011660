package optim_test

import (
	"maps"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/optim"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

var variants = map[string]maker{
	"adamw": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .9, Beta2: .99, Eps: 1e-8, WeightDecay: .1, Decoupled: true})
	},
	"amsgrad": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .5, Beta2: .9, Eps: 1e-8, WeightDecay: .1, AMSGrad: true})
	},
	"adamw_amsgrad": func(s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: .5, Beta2: .9, Eps: 1e-8, WeightDecay: .1, Decoupled: true, AMSGrad: true})
	},
	"nesterov": func(s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, Momentum: momentum, WeightDecay: .1, Nesterov: true})
	},
}

type variantsGolden struct {
	Variants map[string]run
	Clipped  []struct {
		Max, Norm float64
		Grads     [][]float64
	}
}

func TestTenStepsOfTheVariantsAsPyTorch(t *testing.T) {
	var golden variantsGolden
	torchtest.Golden(t, "testdata/variants.json", &golden)
	assert.Equal(t, slices.Sorted(maps.Keys(golden.Variants)), slices.Sorted(maps.Keys(variants)))
	for kind, want := range golden.Variants {
		t.Run(kind, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				tenSteps(t, s, variants[kind], want, torch.Float64, 1e-10)
				tenSteps(t, s, variants[kind], want, torch.Float32, 2e-4)
				p := []torch.Tensor{s.Ones(2).RequireGrad()}
				lr := s.FullOf(torch.Float64, 0)
				group := variants[kind](s, p, lr, lr).Group()
				for _, name := range []string{"amsgrad", "decoupled_weight_decay", "nesterov"} {
					assert.Equal(t, want.Group[name], group[name], name)
				}
			})
		})
	}
}

func TestNesterovNeedsAMomentum(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		p := s.Ones(2).RequireGrad()
		o := optim.NewSGD(s, []torch.Tensor{p}, torch.SGDOptions{LR: s.FullOf(torch.Float64, 1), Nesterov: true})
		o.Accumulate(p.Sum())
		assert.Contains(t, torchtest.Error(t, o.Step).Error(), "Nesterov needs a momentum")
		assert.Equal(t, []float64{1, 1}, p.Doubles())
	})
}

// Gradients whose norm is too large are scaled, others stay, and a parameter without one counts for nothing.
func TestGradientsAreClippedAsPyTorch(t *testing.T) {
	var golden variantsGolden
	torchtest.Golden(t, "testdata/variants.json", &golden)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, want := range golden.Clipped {
			c := s.Child()
			params := []torch.Tensor{c.Zeros(3, 4).RequireGrad(), c.Zeros(5).RequireGrad(), c.Zeros(2).RequireGrad()}
			grads := []torch.Tensor{c.FromDoubles(torchtest.Fill(70, 12), 3, 4), c.FromDoubles(torchtest.Fill(71, 5), 5)}
			params[0].Mul(grads[0]).Sum().Add(params[1].Mul(grads[1]).Sum()).Backward()
			torchtest.Close(t, []float64{want.Norm}, c.ClipGradNorm(params, want.Max).Doubles(), 1e-12, 0, "norm")
			for i, g := range want.Grads {
				torchtest.Close(t, g, c.Gradient(params[i]).Doubles(), 1e-12, 1e-15, "gradient")
			}
			assert.False(t, c.Gradient(params[2]).Valid())
			assert.Zero(t, c.ClipGradNorm(params[2:], 1).Item(), "no gradients")
			c.Close()
		}
	}, torch.Of(torch.Float64))
}
