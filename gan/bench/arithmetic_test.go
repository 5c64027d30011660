package bench

import (
	"testing"

	"forger/gan/gantest"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An image keeps its shape through whatever comes before a convolution: dense -> reshape -> conv, and a residual block.
func TestArithmeticBehindAReshape(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		conv := func(in, out int) nn.Module { return nn.NewConv2d(s, nil, in, out, 3, nn.ConvOptions{Padding: 1}) }
		net := nn.Sequential{
			nn.NewLinear(s, nil, 7, 2*4*5, false), nn.Reshape{-1, 2, 4, 5},
			nn.NewResidual(nn.Sequential{nn.ReLU(), conv(2, 3)}, conv(2, 3), nn.ResidualOptions{}), nn.Sigmoid(),
		}
		all, first, err := layerCost(net, []int{7}, 10)
		require.NoError(t, err)
		assert.InDelta(t, 2*7*40, first.flops, 0)
		assert.InDelta(t, 2*7*40+2*(2*3*2*9*4*5), all.flops, 0)
		assert.InDelta(t, 4*(7+40+28.0), first.bytes, 0, "a tenth of the weights, and no bias")
		assert.InDelta(t, 4*(7+40+28)+2*4*(40+60+5.4), all.bytes, 1e-9)
	})
}

// An image keeps its count of numbers through each layer, as the reshape behind it checks; a convolution along a line and an
// attention cost their products.
func TestArithmeticOfEachLayer(t *testing.T) {
	products := map[string]float64{
		"conv1d": 2 * 4 * 4 * 3 * 4, "conv2d_oblong": 2 * 4 * 8 * 3 * 24, "conv_transpose2d_oblong": 2 * 8 * 4 * 3 * 24,
		"self_attention": 2 * 24 * (8 + 8 + 32 + 32 + 6*5),
	}
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for name, m := range gantest.Layers(s) {
			shape := gantest.LayerInput(name)
			x := s.Ones(shape...)
			if name == "embedding" {
				x = x.To(torch.Int64)
			}
			y := m.Forward(s.Child(torch.Eval).Use(x)).Shape()
			y[0] = -1
			all, _, err := layerCost(nn.Sequential{m, nn.Reshape(y)}, shape[1:], 10)
			require.NoError(t, err, name)
			assert.InDelta(t, products[name], all.flops, 0, name)
		}
	})
}

func TestArithmeticThatIsNotKnown(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for want, m := range map[string]nn.Module{
			"arithmetic: fold: not known": folded{},
			"arithmetic: reshape: [-1 4] of an image of [2 4 5]: it must keep the batch first, as -1, and each image's 40 numbers":  nn.Reshape{-1, 4},
			"arithmetic: reshape: [10 40] of an image of [2 4 5]: it must keep the batch first, as -1, and each image's 40 numbers": nn.Reshape{10, 40},
		} {
			_, _, err := layerCost(m, []int{2, 4, 5}, 10)
			assert.EqualError(t, err, want)
		}
	})
}

// folded is a module that describes itself by an operation that nobody knows.
type folded struct{ nn.Reshape }

func (folded) Describe(g *nn.Graph, _, x string) string {
	return g.Add(nn.Node{Op: "fold", Inputs: []string{x}})
}
