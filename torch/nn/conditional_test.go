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

// A conditional batch normalisation before a rectifier is one op, and what it comes to is what its parts come to: a normalisation
// without weights, a product and a sum. Labels are numbers or shares of classes.
func TestSequentialJoinsConditionalBatchNormAndRectifier(t *testing.T) {
	require.NoError(t, torch.Load())
	for name, c := range map[string]struct {
		kernels torch.ConvKernels
		shares  bool
	}{"ours": {torch.BestConv(), false}, "of shares": {torch.BestConv(), true}, "stock": {torch.ConvStock, false}} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			g := s.NewGenerator(1)
			x := s.Randn(g, 6, 32, 5, 7).ToFormat(torch.ChannelsLast).Detach().RequireGrad()
			labels := s.FromInts([]int64{2, 0, 1, 2, 2, 1}, 6)
			if c.shares {
				labels = s.Rand(g, 6, 3)
			}
			layer, plain := nn.NewConditionalBatchNorm2d(s, 3, 32), nn.NewBatchNorm2dWith(s, 32, nn.NormOptions{NoAffine: true})
			gain, shift := nn.Parameters(layer)[0], nn.Parameters(layer)[1]
			gain.Normal(g, 1, .5)
			shift.Normal(g, 0, .5)
			rows := func(w torch.Tensor) torch.Tensor {
				if c.shares {
					return labels.MatMul(w).Reshape(6, 32, 1, 1)
				}
				return w.Embedding(labels).Reshape(6, 32, 1, 1)
			}
			along := s.Randn(g, 6, 32, 5, 7)
			values := func(y torch.Tensor) (all [][]float64) {
				for _, v := range append(torch.Grad(y.Mul(along).Sum(), false, x, gain, shift), y.Detach()) {
					all = append(all, v.Doubles())
				}
				return all
			}
			want := values(plain.Forward(x).Mul(rows(gain)).Add(rows(shift)).ReLU())
			before := s.Live()
			y := nn.Sequential{layer, nn.ReLU().InPlace()}.ForwardFor(x, labels)
			assert.Equal(t, before+1, s.Live(), "%s: the result alone", name)
			got := values(y)
			for i := range want {
				torchtest.Close(t, want[i], got[i], 2e-5, 2e-5, name)
			}
			joined := c.kernels != torch.ConvStock
			assert.Equal(t, joined, !slices.Equal(want[3], got[3]), "%s: who computed it", name)
			for i, e := range nn.Entries(plain) {
				torchtest.Close(t, e.Tensor.Doubles(), nn.Entries(layer)[i].Tensor.Doubles(), 1e-6, 1e-7, name+" "+e.Name)
			}
		}, torch.Layout(torch.ChannelsLast), torch.Convolutions(c.kernels, true))
	}
}

// An embedding's products with images are those with each of its rows, whatever the order of their numbers in memory.
func TestProductsOfAnEmbedding(t *testing.T) {
	for _, format := range []torch.Format{torch.Contiguous, torch.ChannelsLast} {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			g := s.NewGenerator(1)
			e := nn.NewEmbedding(s, g, 5, 24)
			x, along := s.Randn(g, 3, 4, 2, 3).ToFormat(format).Detach().RequireGrad(), s.Randn(g, 3, 5)
			values := func(y torch.Tensor) (all [][]float64) {
				for _, v := range append(torch.Grad(y.Mul(along).Sum(), false, x, e.Weight), y.Detach()) {
					all = append(all, v.Doubles())
				}
				return all
			}
			want := values(x.ToFormat(torch.Contiguous).Reshape(3, 1, 24).Mul(e.Weight.Reshape(1, 5, 24)).SumOver(torch.Reduction{Dims: []int{2}}))
			for i, got := range values(e.Products(x)) {
				torchtest.Close(t, want[i], got, 1e-12, 1e-12, "in either order")
			}
		}, torch.Layout(format), torch.Of(torch.Float64))
	}
}
