package nn_test

import (
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSequentialJoinsBatchNormAndRectifier(t *testing.T) {
	require.NoError(t, torch.Load())
	if torch.BestConv() == torch.ConvStock {
		t.Skip("this processor has no AVX2: both are libtorch's")
	}
	for name, c := range map[string]struct {
		act    func() nn.Activation
		stock  bool
		joined bool
	}{
		"relu": {nn.ReLU, false, true}, "leaky": {func() nn.Activation { return nn.LeakyReLU(.2) }, false, true},
		"relu in place":  {func() nn.Activation { return nn.ReLU().InPlace() }, false, true},
		"leaky in place": {func() nn.Activation { return nn.LeakyReLU(.2).InPlace() }, false, true},
		"tanh":           {nn.Tanh, false, false}, "stock": {nn.ReLU, true, false},
	} {
		options := []torch.Option{torch.Layout(torch.ChannelsLast)}
		if c.stock {
			options = append(options, torch.Convolutions(torch.ConvStock, false))
		}
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			x := s.Randn(s.NewGenerator(1), 5, 32, 9, 7).ToFormat(torch.ChannelsLast)
			apart, whole := nn.NewBatchNorm2d(s, 32), nn.NewBatchNorm2d(s, 32)
			net := nn.Sequential{whole, c.act()}
			want := c.act().Forward(apart.Forward(x)).Detach().Doubles()
			before := s.Live()
			y := net.Forward(x)
			assert.Equal(t, before+1, s.Live(), "%s: the result alone", name)
			got := y.Detach().Doubles()
			torchtest.Close(t, want, got, 1e-5, 1e-6, name)
			assert.Equal(t, c.joined, !slices.Equal(want, got), "%s: who computed it", name)
			for i, e := range nn.Entries(whole) {
				torchtest.Close(t, nn.Entries(apart)[i].Tensor.Doubles(), e.Tensor.Doubles(), 1e-6, 1e-7, name+" "+e.Name)
			}
		}, options...)
	}
}

// A normalisation at the end, or before something else, is itself; each module is applied once.
func TestSequentialAppliesEachModuleOnce(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		last := nn.NewBatchNorm2d(s, 4)
		net := nn.Sequential{nn.NewBatchNorm2d(s, 4), nn.ReLU(), nn.ReLU(), nn.NewBatchNorm2d(s, 4), nn.Tanh(), last}
		y := net.Forward(s.Randn(s.NewGenerator(1), 3, 4, 2, 2).ToFormat(torch.ChannelsLast))
		assert.InDelta(t, 0, y.Detach().Mean().Item(), 1e-6, "the last one normalises")
		for _, e := range nn.Entries(net) {
			if e.Tensor.Info().DType == torch.Int64 {
				assert.Equal(t, 1., e.Tensor.Item(), e.Name)
			}
		}
	})
}
