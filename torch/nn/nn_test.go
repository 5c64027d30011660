package nn_test

import (
	"math"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type tensor struct {
	Shape  []int
	Values []float64
}

func TestBatchNormKeepsRunningStatisticsAsPyTorch(t *testing.T) {
	var golden struct {
		Outs      []tensor
		Mean, Var []float64
		Tracked   float64
	}
	torchtest.Golden(t, "testdata/batchnorm.json", &golden)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		b := nn.NewBatchNorm2d(s, 3)
		state := map[string]torch.Tensor{}
		for _, e := range nn.Entries(b) {
			state[e.Name] = e.Tensor
		}
		state["weight"].CopyFrom(s.FromDoubles(torchtest.Fill(1, 3), 3))
		state["bias"].CopyFrom(s.FromDoubles(torchtest.Fill(2, 3), 3))
		input := func(stream int) torch.Tensor {
			return s.FromDoubles(torchtest.Fill(stream, 48), 4, 3, 2, 2).To(torch.Float32)
		}
		for i := range 3 {
			torchtest.Close(t, golden.Outs[i].Values, b.Forward(input(10+i).Affine(2, 1)).Doubles(), 1e-4, 1e-5, "training")
		}
		torchtest.Close(t, golden.Mean, state["running_mean"].Doubles(), 1e-5, 1e-6, "running_mean")
		torchtest.Close(t, golden.Var, state["running_var"].Doubles(), 1e-5, 1e-6, "running_var")
		assert.InDelta(t, golden.Tracked, state["num_batches_tracked"].Item(), 0)

		eval := s.Child(torch.Eval)
		torchtest.Close(t, golden.Outs[3].Values, b.Forward(eval.Use(input(20))).Doubles(), 1e-4, 1e-5, "eval")
		torchtest.Close(t, golden.Mean, state["running_mean"].Doubles(), 1e-5, 1e-6, "running_mean after eval")
	})
}

// A network counts the batch for all its normalisations at once, whether a rectifier follows them or not.
func TestBatchesAreCountedOnce(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		norms := []*nn.BatchNorm2d{nn.NewBatchNorm2d(s, 2), nn.NewBatchNorm2d(s, 2), nn.NewBatchNorm2d(s, 2)}
		net := nn.Sequential{norms[0], nn.ReLU(), norms[1], nn.Tanh(), norms[2]}
		x := s.Randn(s.NewGenerator(1), 4, 2, 3, 3)
		ops := torchtest.Ops(t, s, func() { net.Forward(x) })
		assert.Equal(t, 1, ops["aten::_foreach_add_"])
		net.Forward(x)
		net.Forward(s.Child(torch.Eval).Use(x))
		for _, n := range norms {
			for _, e := range nn.Entries(n) {
				if e.Name == "num_batches_tracked" {
					assert.Equal(t, []int64{2}, e.Tensor.Ints())
				}
			}
		}
	})
}

func TestBatchNormRefusesOneValueAChannel(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		e := torchtest.Error(t, func() { nn.NewBatchNorm2d(s, 3).Forward(s.Ones(1, 3, 1, 1)) })
		assert.Contains(t, e.Error(), "more than 1 value per channel")
	})
}

// PyTorch's defaults: weights and biases are U(-1/sqrt(fan), 1/sqrt(fan)), so their variance is 1/(3 fan).
func TestDefaultInitialisation(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(1)
		for name, c := range map[string]struct {
			m   nn.Module
			fan float64
		}{
			"linear":    {nn.NewLinear(s, g, 100, 400, false), 100},
			"conv":      {nn.NewConv2d(s, g, 16, 200, 4, nn.ConvOptions{}), 256},
			"conv_t":    {nn.NewConvTranspose2d(s, g, 200, 16, 4, nn.ConvOptions{}), 256},
			"conv_half": {nn.NewConv2d(s, g, 16, 400, 4, nn.ConvOptions{Groups: 2}), 128},
		} {
			w := nn.Parameters(c.m)[0]
			bound := 1 / math.Sqrt(c.fan)
			assert.InDelta(t, 0, w.Detach().Mean().Item(), bound/50, name)
			assert.InDelta(t, bound*bound/3, w.Detach().Var().Item(), bound*bound/60, name)
			values := w.Doubles()
			for _, v := range values {
				require.LessOrEqual(t, math.Abs(v), bound+1e-7, name)
			}
		}
	})
}

func TestDropout(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		d := &nn.Dropout{P: .3, Generator: s.NewGenerator(3)}
		state := d.Generator.State()
		x := s.Ones(100, 100).RequireGrad()
		y := d.Forward(x)
		values := y.Doubles()
		dropped := 0
		for _, v := range values {
			if v == 0 {
				dropped++
				continue
			}
			require.InDelta(t, 1/.7, v, 1e-6)
		}
		assert.InDelta(t, 3000, dropped, 200)
		g := torch.Grad(y.Sum(), false, x)[0]
		assert.Equal(t, values, g.Doubles(), "the gradient passes where the value did, scaled alike")

		d.Generator.SetState(state)
		assert.Equal(t, values, d.Forward(x).Doubles(), "the stream decides")
		eval := s.Child(torch.Eval).Use(x)
		assert.True(t, d.Forward(eval).Same(eval), "the identity in an eval scope")
		assert.NotEqual(t, d.Generator.State(), state)
	})
}

func TestSequentialNamesAndReleases(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(1)
		net := nn.Sequential{
			nn.NewConv2d(s, g, 3, 4, 4, nn.ConvOptions{Stride: 2, Padding: 1, NoBias: true}),
			nn.NewBatchNorm2d(s, 4), nn.LeakyReLU(.2), nn.NewConv2d(s, g, 4, 1, 4, nn.ConvOptions{}),
		}
		var names []string
		for _, e := range nn.Entries(net) {
			names = append(names, e.Name)
		}
		assert.Equal(t, []string{
			"0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
			"3.weight", "3.bias",
		}, names)
		assert.Len(t, nn.Parameters(net), 5)

		x := s.Child().Ones(2, 3, 8, 8)
		before := s.Live()
		y := net.Forward(x)
		assert.Equal(t, before+1, s.Live(), "only the output is left")
		assert.Equal(t, []int{2, 1, 1, 1}, y.Shape())
		assert.InDelta(t, 1, x.Mean().Item(), 0, "the input is untouched")
	})
}
