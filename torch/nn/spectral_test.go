package nn_test

import (
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// Three normalised layers in training, twice, and in evaluation are PyTorch's parametrized ones: keys in their order, outputs,
// gradients through both passes, vectors. Baked, they are plain layers with the weights that PyTorch computes with.
func TestSpectralNormAsPyTorch(t *testing.T) {
	var golden struct {
		Keys           []string
		Outs           []tensor
		Grads          [][]float64
		State, Weights map[string][]float64
	}
	torchtest.Golden(t, "testdata/spectral.json", &golden)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		fill := func(stream int, shape ...int) torch.Tensor {
			return s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...)
		}
		g := s.NewGenerator(1)
		net := nn.Sequential{
			nn.NewLinear(s, g, 6, 12, false), nn.Reshape{-1, 3, 2, 2},
			nn.NewConvTranspose2d(s, g, 3, 4, 4, nn.ConvOptions{Stride: 2, Padding: 1}), nn.NewConv2d(s, g, 4, 2, 3, nn.ConvOptions{Padding: 1}),
		}
		nn.SpectralNorm(s, g, net)
		var keys []string
		for i, e := range nn.Entries(net) {
			keys = append(keys, e.Name)
			e.Tensor.CopyFrom(fill(10+i, e.Tensor.Shape()...))
		}
		assert.Equal(t, golden.Keys, keys)
		x := fill(1, 3, 6).RequireGrad()
		child := s.Child()
		before := child.Live()
		first, second := net.Forward(child.Use(x)), net.Forward(child.Use(x))
		assert.Equal(t, before+4, child.Live(), "x and the outputs alone are left")
		loss := first.Mul(fill(99, first.Shape()...)).Sum().Add(second.Mul(fill(98, second.Shape()...)).Sum())
		for i, grad := range torch.Grad(loss, false, append([]torch.Tensor{x}, nn.Parameters(net)...)...) {
			torchtest.Close(t, golden.Grads[i], grad.Doubles(), 1e-10, 1e-12, "gradient")
		}
		third := net.Forward(s.Child(torch.Eval).Use(x))
		for i, out := range []torch.Tensor{first, second, third} {
			torchtest.Close(t, golden.Outs[i].Values, out.Doubles(), 1e-10, 1e-12, "out")
		}
		for _, e := range nn.Entries(net) {
			torchtest.Close(t, golden.State[e.Name], e.Tensor.Doubles(), 1e-10, 1e-12, e.Name)
		}
		nn.RemoveSpectralNorm(s, net)
		for i, place := range []int{0, 2, 4} { // weight and bias each
			torchtest.Close(t, golden.Weights[[]string{"0", "2", "3"}[i]], nn.Entries(net)[place].Tensor.Doubles(), 1e-10, 1e-12, "baked")
		}
		torchtest.Close(t, golden.Outs[2].Values, net.Forward(s.Child(torch.Eval).Use(x)).Doubles(), 1e-10, 1e-12, "baked")
	}, torch.Of(torch.Float64))
}

// The vectors begin where fifteen iterations bring them, and a weight comes to have spectral norm 1.
func TestSpectralNormBegins(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(1)
		layer := nn.NewLinear(s, g, 4, 4, true)
		layer.Weight.CopyFrom(s.FromFloats([]float32{3, 0, 0, 0, 0, -2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, 4, 4))
		nn.SpectralNorm(s, g, layer)
		y := layer.Forward(s.Child(torch.Eval).FromFloats([]float32{1, 1, 1, 1}, 1, 4))
		torchtest.Close(t, []float64{1, -2. / 3, 1. / 3, 0}, y.Doubles(), 1e-3, 1e-6, "over 3")
	})
}

func TestSpectralNormRefusesWhatItCannotReach(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		hidden := struct{ nn.Module }{nn.NewLinear(s, nil, 2, 2, false)}
		e := torchtest.Error(t, func() { nn.SpectralNorm(s, nil, nn.Sequential{hidden}) })
		assert.Equal(t, "torch: spectral_norm: 0.weight cannot be reached: its module needs a Children method", e.Error())
		block := nn.NewResidual(nn.NewLinear(s, nil, 2, 2, false), nn.NewLinear(s, nil, 2, 2, false), nn.ResidualOptions{})
		nn.SpectralNorm(s, nil, nn.Sequential{block})
		assert.Equal(t, "0.body.parametrizations.weight.original", nn.Entries(nn.Sequential{block})[1].Name)
	})
}
