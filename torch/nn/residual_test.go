package nn_test

import (
	"math"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// residualNet is the network of scripts/golden.py.
func residualNet(s *torch.Scope) nn.Module {
	conv := func(in, out, kernel int, o nn.ConvOptions) nn.Module { return nn.NewConv2d(s, nil, in, out, kernel, o) }
	same := nn.ConvOptions{Padding: 1}
	return nn.Sequential{
		conv(3, 8, 3, same),
		nn.NewResidual(nn.Sequential{nn.ReLU(), conv(8, 8, 3, same), nn.NewBatchNorm2d(s, 8), nn.LeakyReLU(.2)}, nil, nn.ResidualOptions{}),
		nn.NewResidual(nn.Sequential{nn.Tanh(), conv(8, 4, 3, nn.ConvOptions{Stride: 2, Padding: 1}), nn.Sigmoid()},
			conv(8, 4, 1, nn.ConvOptions{Stride: 2}), nn.ResidualOptions{}),
	}
}

// Residual blocks compute what they do in PyTorch, forward and backward, under the same keys.
func TestResidualAsPyTorch(t *testing.T) {
	var golden struct {
		Keys  []string
		Out   tensor
		Grads [][]float64
	}
	torchtest.Golden(t, "testdata/residual.json", &golden)
	for _, c := range []struct {
		d   torch.DType
		f   torch.Format
		tol float64
	}{{torch.Float64, torch.Contiguous, 1e-10}, {torch.Float32, torch.Contiguous, 1e-4}, {torch.Float32, torch.ChannelsLast, 1e-4}} {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			fill := func(stream int, shape ...int) torch.Tensor {
				return s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...).To(c.d)
			}
			net := residualNet(s)
			var keys []string
			for _, e := range nn.Entries(net) {
				keys = append(keys, e.Name)
			}
			assert.Equal(t, golden.Keys, keys)
			params := nn.Parameters(net)
			for i, p := range params {
				p.CopyFrom(fill(10+i, p.Shape()...).MulScalar(.5))
			}
			x := fill(1, 2, 3, 6, 4).ToFormat(c.f).RequireGrad()
			inputs := append([]torch.Tensor{x}, params...)
			child := s.Child()
			before := child.Live()
			out := net.Forward(child.Use(x))
			assert.Equal(t, before+2, child.Live(), "x and the output alone are left")
			assert.Equal(t, golden.Out.Shape, out.Shape())
			torchtest.Close(t, golden.Out.Values, out.Doubles(), c.tol, c.tol, "out")
			grads := torch.Grad(out.Mul(fill(99, out.Shape()...)).Sum(), false, inputs...)
			for i, g := range grads {
				torchtest.Close(t, golden.Grads[i], g.Doubles(), c.tol, c.tol, "gradient")
			}
		}, torch.Of(c.d), torch.Layout(c.f))
	}
}

// The sum needs x, so that neither part may overwrite it, not even in the memory of a view.
func TestResidualRefusesWhatOverwritesItsInput(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		linear := nn.NewLinear(s, nil, 3, 3, false)
		keeps := nn.Sequential{linear, nn.ReLU().InPlace()}
		for name, overwrites := range map[string]nn.Module{
			"relu":      nn.ReLU().InPlace(),
			"first":     nn.Sequential{nn.Tanh().InPlace(), linear},
			"nested":    nn.Sequential{nn.Sequential{}, nn.Sequential{nn.LeakyReLU(.2).InPlace()}},
			"by a view": nn.Sequential{&nn.Dropout{P: .5}, nn.Reshape{-1}, nn.Sigmoid().InPlace()},
		} {
			e := torchtest.Error(t, func() { nn.NewResidual(overwrites, nil, nn.ResidualOptions{}) })
			assert.Equal(t, "torch: residual: the body would overwrite its input, which the sum needs: begin it with an activation that is not InPlace", e.Error(), name)
			e = torchtest.Error(t, func() { nn.NewResidual(keeps, overwrites, nn.ResidualOptions{}) })
			assert.Contains(t, e.Error(), "the skip connection would overwrite its input", name)
		}
		for _, keeps := range []nn.Module{
			keeps, nn.ReLU(), nn.Sequential{nn.ReLU(), nn.Tanh().InPlace()}, nn.Reshape{-1},
			nn.NewResidual(nn.ReLU(), nil, nn.ResidualOptions{}),
		} {
			nn.NewResidual(keeps, keeps, nn.ResidualOptions{})
		}
		assert.Contains(t, torchtest.Error(t, func() { nn.NewResidual(nil, keeps, nn.ResidualOptions{}) }).Error(), "no body")
		e := torchtest.Error(t, func() { nn.NewResidual(keeps, nil, nn.ResidualOptions{Names: []string{"body"}}) })
		assert.Contains(t, e.Error(), "names are two")
	})
}

// relu(x) is not x: what the identity adds is the input as it came.
func TestResidualAddsItsInput(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.FromFloats([]float32{-2, 3}, 2)
		y := nn.NewResidual(nn.Sequential{nn.ReLU(), nn.Tanh().InPlace()}, nil, nn.ResidualOptions{}).Forward(x)
		torchtest.Close(t, []float64{-2, 3 + math.Tanh(3)}, y.Doubles(), 1e-6, 0, "x + tanh(relu(x))")
		assert.Equal(t, []float32{-2, 3}, x.Floats())
		same := nn.NewResidual(nn.Sequential{}, nil, nn.ResidualOptions{}).Forward(x)
		assert.Equal(t, []float32{-4, 6}, same.Floats())
		assert.Equal(t, []float32{-2, 3}, x.Floats(), "x is its owner's")
	})
}

func TestNamesOfAResidual(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		part := nn.NewLinear(s, nil, 2, 2, true)
		keys := func(names ...string) (keys []string) {
			block := nn.NewResidual(nn.Sequential{part, nn.ReLU()}, part, nn.ResidualOptions{Names: names})
			for _, e := range nn.Entries(nn.Sequential{block}) {
				keys = append(keys, e.Name)
			}
			g, err := nn.Describe(nn.Sequential{block})
			assert.NoError(t, err)
			assert.ElementsMatch(t, keys, []string{g.Nodes[0].Params[0], g.Nodes[1].Params[0]})
			return keys
		}
		assert.Equal(t, []string{"0.body.0.weight", "0.skip.weight"}, keys())
		assert.Equal(t, []string{"0.0.weight", "0.downsample.weight"}, keys("", "downsample"))
	})
}

func TestActivationsKeepTheirInputUnlessInPlace(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, c := range map[string]struct {
			a    nn.Activation
			want []float64 // of -1, 0, 2
		}{
			"relu": {nn.ReLU(), []float64{0, 0, 2}}, "leaky_relu": {nn.LeakyReLU(.25), []float64{-.25, 0, 2}},
			"tanh":    {nn.Tanh(), []float64{math.Tanh(-1), 0, math.Tanh(2)}},
			"sigmoid": {nn.Sigmoid(), []float64{1 / (1 + math.E), .5, 1 / (1 + math.Exp(-2))}},
		} {
			x := s.FromFloats([]float32{-1, 0, 2}, 3)
			y := c.a.Forward(x)
			torchtest.Close(t, c.want, y.Doubles(), 1e-6, 1e-7, name)
			assert.Equal(t, []float32{-1, 0, 2}, x.Floats(), name)
			assert.True(t, c.a.InPlace().Forward(x).Same(x), name)
			assert.Equal(t, y.Floats(), x.Floats(), name)
		}
	})
}

func TestAGraphOfAResidual(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		g, err := nn.Describe(residualNet(s))
		assert.NoError(t, err)
		var ops []string
		for _, n := range g.Nodes {
			ops = append(ops, n.Op)
		}
		assert.Equal(t, []string{
			"conv2d", "relu", "conv2d", "batch_norm", "leaky_relu", "add", "conv2d", "tanh", "conv2d", "sigmoid", "add",
		}, ops)
		assert.Equal(t, []string{"input"}, g.Inputs)
		assert.Equal(t, []string{"v0", "v4"}, g.Nodes[5].Inputs)
		assert.Equal(t, []string{"v6", "v9"}, g.Nodes[10].Inputs)
		assert.Equal(t, "v10", g.Output)

		two := nn.NewGraph("latents", "labels")
		two.Output = two.Describe(nn.ReLU(), "", two.Inputs[1])
		assert.NoError(t, two.Err())
		assert.Equal(t, []nn.Node{{Op: "relu", Inputs: []string{"labels"}, Output: "v0"}}, two.Nodes)
		two.Describe(silent{}, "", "latents")
		assert.EqualError(t, two.Err(), "nn: describe: : a nn_test.silent cannot be written in another language: give it a Describe method")
	})
}

// silent is a module that cannot say what it does.
type silent struct{}

func (silent) Forward(x torch.Tensor) torch.Tensor { return x }
func (silent) State(string, func(nn.Entry))        {}
