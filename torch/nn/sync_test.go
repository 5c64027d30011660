package nn_test

import (
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// Of a share that is the whole the normalisation is the plain one: values, gradients, the gradients of these, and running
// statistics, whose variance is that of the whole batch's numbers.
func TestASyncedNormalisationIsThePlainOne(t *testing.T) {
	torchtest.Ranks(t, 1, func(_ int, alone *torch.Comm) {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			fill := func(s *torch.Scope, stream int, shape ...int) torch.Tensor {
				return s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...)
			}
			type result struct{ y, dx, dw, second, mean, variance []float64 }
			run := func(sync bool, made func(s *torch.Scope) nn.Module) (r result) {
				c := s.Child(torch.Part(torch.Share{Count: 4, Of: 4, Among: alone}))
				defer c.Close()
				norm := made(c)
				net := nn.Sequential{norm, nn.LeakyReLU(.2).InPlace()}
				if sync {
					nn.SyncBatchNorm(net)
				}
				params := nn.Parameters(net)
				for i, p := range params {
					p.CopyFrom(fill(c, 5+i, p.Shape()...))
				}
				x := fill(c, 1, 4, 3, 2, 5).AddScalar(2).RequireGrad()
				labels := c.FromInts([]int64{2, 0, 1, 2}, 4)
				live := s.Live()
				y := net.ForwardFor(x, labels)
				assert.Equal(t, live+1, s.Live(), "the result alone is left")
				loss := y.Mul(fill(c, 2, 4, 3, 2, 5)).Sum()
				dx := torch.Grad(loss, true, x)[0]
				r.y, r.dx = y.Detach().Doubles(), dx.Detach().Doubles()
				if len(params) > 0 {
					r.dw = torch.Grad(loss, true, params[0])[0].Detach().Doubles()
				}
				r.second = torch.Grad(dx.Mul(dx).Sum(), false, x)[0].Doubles()
				entries := slices.DeleteFunc(nn.Entries(norm), func(e nn.Entry) bool { return !e.Buffer })
				r.mean, r.variance = entries[0].Tensor.Doubles(), entries[1].Tensor.Doubles()
				assert.EqualValues(t, 1, entries[2].Tensor.Item(), "counted")
				return r
			}
			for _, made := range []func(s *torch.Scope) nn.Module{
				func(s *torch.Scope) nn.Module { return nn.NewBatchNorm2dWith(s, 3, nn.NormOptions{Momentum: .3}) },
				func(s *torch.Scope) nn.Module {
					return nn.NewBatchNorm2dWith(s, 3, nn.NormOptions{Momentum: .3, NoAffine: true})
				},
				func(s *torch.Scope) nn.Module { return nn.NewConditionalBatchNorm2d(s, 3, 3) },
			} {
				want, got := run(false, made), run(true, made)
				torchtest.Close(t, want.y, got.y, 1e-12, 1e-12, "values")
				torchtest.Close(t, want.dx, got.dx, 1e-10, 1e-10, "gradient")
				torchtest.Close(t, want.dw, got.dw, 1e-10, 1e-10, "gradient of the weight")
				torchtest.Close(t, want.second, got.second, 1e-8, 1e-8, "gradient of the gradient")
				torchtest.Close(t, want.mean, got.mean, 1e-12, 1e-12, "running mean")
				torchtest.Close(t, want.variance, got.variance, 1e-12, 1e-12, "running variance")
			}
		}, torch.Of(torch.Float64))
	})
}

// hidden keeps its normalisation to itself.
type hidden struct{ *nn.BatchNorm2d }

func TestANormalisationThatIsNotReachedIsNamed(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		err := torchtest.Error(t, func() { nn.SyncBatchNorm(nn.Sequential{hidden{nn.NewBatchNorm2d(s, 2)}}) })
		assert.Contains(t, err.Msg, "Children")
	})
}
