package nn_test

import (
	"maps"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// modules are those of scripts/golden_layers.py.
var modules = map[string]func(s *torch.Scope) nn.Module{
	"avg_pool2d": func(*torch.Scope) nn.Module { return nn.AvgPool2d{Kernel: [2]int{2, 2}} },
	"max_pool2d": func(*torch.Scope) nn.Module {
		return nn.MaxPool2d{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
	},
	"adaptive_avg_pool2d": func(*torch.Scope) nn.Module { return nn.AdaptiveAvgPool2d{Height: 3, Width: 2} },
	"global_avg":          func(*torch.Scope) nn.Module { return nn.GlobalAvgPool() },
	"global_sum":          func(*torch.Scope) nn.Module { return nn.GlobalSumPool() },
	"upsample":            func(*torch.Scope) nn.Module { return nn.Upsample{Factor: 2} },
	"upsample_bilinear": func(*torch.Scope) nn.Module {
		return nn.Upsample{Factor: 2, Interpolation: torch.Interpolation{Bilinear: true}}
	},
	"pixel_shuffle":   func(*torch.Scope) nn.Module { return nn.PixelShuffle(2) },
	"pixel_unshuffle": func(*torch.Scope) nn.Module { return nn.PixelUnshuffle(2) },
	"zero_pad":        func(*torch.Scope) nn.Module { return nn.Pad2d{Left: 1, Top: 3, Bottom: 1} },
	"reflection_pad":  func(*torch.Scope) nn.Module { return nn.Pad2d{Border: torch.ReflectBorder, Left: 1, Top: 3, Bottom: 1} },
	"replication_pad": func(*torch.Scope) nn.Module {
		return nn.Pad2d{Border: torch.ReplicateBorder, Left: 1, Top: 3, Bottom: 1}
	},
	"layer_norm": func(s *torch.Scope) nn.Module { return nn.NewLayerNorm(s, []int{4, 2}, nn.NormOptions{}) },
	"layer_norm_plain": func(s *torch.Scope) nn.Module {
		return nn.NewLayerNorm(s, []int{2}, nn.NormOptions{NoAffine: true, Eps: .1})
	},
	"group_norm": func(s *torch.Scope) nn.Module { return nn.NewGroupNorm(s, 2, 8, nn.NormOptions{}) },
	"group_norm_plain": func(s *torch.Scope) nn.Module {
		return nn.NewGroupNorm(s, 4, 8, nn.NormOptions{NoAffine: true, Eps: .1})
	},
	"instance_norm":   func(s *torch.Scope) nn.Module { return nn.NewInstanceNorm2d(s, 8, nn.NormOptions{NoAffine: true}) },
	"instance_affine": func(s *torch.Scope) nn.Module { return nn.NewInstanceNorm2d(s, 8, nn.NormOptions{Eps: .1}) },
	"batch_norm": func(s *torch.Scope) nn.Module {
		return nn.NewBatchNorm2dWith(s, 8, nn.NormOptions{Momentum: .3, Eps: .1})
	},
	"batch_norm_plain": func(s *torch.Scope) nn.Module { return nn.NewBatchNorm2dWith(s, 8, nn.NormOptions{NoAffine: true}) },
	"silu":             func(*torch.Scope) nn.Module { return nn.SiLU() },
	"gelu":             func(*torch.Scope) nn.Module { return nn.GELU(false) },
	"gelu_tanh":        func(*torch.Scope) nn.Module { return nn.GELU(true) },
	"elu":              func(*torch.Scope) nn.Module { return nn.ELU(.5) },
	"softplus":         func(*torch.Scope) nn.Module { return nn.Softplus() },
	"softmax":          func(*torch.Scope) nn.Module { return nn.Softmax(1) },
	"log_softmax":      func(*torch.Scope) nn.Module { return nn.LogSoftmax(1) },
	"prelu":            func(s *torch.Scope) nn.Module { return nn.NewPReLU(s, 8, .25) },
	"conv2d_oblong": func(s *torch.Scope) nn.Module {
		return nn.NewConv2dOblong(s, nil, 8, 4, [2]int{1, 3}, torch.Conv{Stride: [2]int{2, 1}, Padding: [2]int{0, 1}, Groups: 2}, false)
	},
	"conv_transpose2d_oblong": func(s *torch.Scope) nn.Module {
		return nn.NewConvTranspose2dOblong(s, nil, 8, 4, [2]int{3, 1}, torch.Conv{Stride: [2]int{2, 1}, Padding: [2]int{1, 0}}, true)
	},
	"minibatch_stddev": func(*torch.Scope) nn.Module { return nn.MinibatchStdDev{Group: 2} },
	"minibatch_whole":  func(*torch.Scope) nn.Module { return nn.MinibatchStdDev{Group: 64} },
	"self_attention": func(s *torch.Scope) nn.Module {
		return nn.NewSelfAttention(s, 8, func(in, out int) nn.Module {
			return nn.NewConv2d(s, nil, in, out, 1, nn.ConvOptions{NoBias: true})
		})
	},
	"conv1d": func(s *torch.Scope) nn.Module {
		return nn.NewConv1d(s, nil, 8, 4, 3, nn.ConvOptions{Stride: 2, Padding: 2, Dilation: 2, Groups: 2})
	},
}

type moduleCase struct {
	Keys          []string
	Shape         []int
	Out, Eval     tensor
	Grads, Second [][]float64
	Buffers       map[string][]float64
}

// Each module computes what it does in PyTorch, in training and in evaluation, forward, backward and backward again, under
// the same keys, and leaves nothing behind.
func TestModulesAgreeWithPyTorch(t *testing.T) {
	var golden struct{ Modules map[string]moduleCase }
	torchtest.Golden(t, "testdata/modules.json", &golden)
	assert.Equal(t, slices.Sorted(maps.Keys(golden.Modules)), slices.Sorted(maps.Keys(modules)))
	for name, c := range golden.Modules {
		t.Run(name, func(t *testing.T) {
			for _, f := range []torch.Format{torch.Contiguous, torch.ChannelsLast} {
				torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
					agree(t, s, modules[name](s), c, 1e-9)
				}, torch.Of(torch.Float64), torch.Layout(f))
			}
		})
	}
}

func agree(t *testing.T, s *torch.Scope, m nn.Module, c moduleCase, tol float64) {
	t.Helper()
	fill := func(stream int, shape ...int) torch.Tensor {
		return s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...)
	}
	keys := []string{}
	for _, e := range nn.Entries(m) {
		keys = append(keys, e.Name)
	}
	assert.ElementsMatch(t, c.Keys, keys)
	params := nn.Parameters(m)
	for i, p := range params {
		p.CopyFrom(fill(10+i, p.Shape()...).MulScalar(.5))
	}
	x := fill(1, c.Shape...)
	if len(c.Shape) == 4 {
		x = x.ToFormat(s.Format())
	}
	inputs := append([]torch.Tensor{x.RequireGrad()}, params...)
	child := s.Child()
	used := child.Use(x)
	before := child.Live()
	out := m.Forward(used)
	assert.Equal(t, before+1, child.Live(), "the output alone is left")
	assert.Equal(t, c.Out.Shape, out.Shape())
	torchtest.Close(t, c.Out.Values, out.Doubles(), tol, tol, "out")

	grads := torch.Grad(out.Mul(fill(99, c.Out.Shape...)).Sum(), true, inputs...)
	norm := s.Full(0)
	for i, g := range grads {
		torchtest.Close(t, c.Grads[i], g.Doubles(), tol, tol, "gradient")
		norm = norm.Add(g.Mul(g).Sum())
	}
	if norm = norm.MulScalar(.5); norm.Info().RequiresGrad {
		for i, g := range torch.Grad(norm, false, inputs...) {
			torchtest.Close(t, c.Second[i], g.Doubles(), 10*tol, 10*tol, "second gradient")
		}
	}
	eval := m.Forward(s.Child(torch.Eval).Use(x))
	torchtest.Close(t, c.Eval.Values, eval.Doubles(), tol, tol, "eval")
	for _, e := range nn.Entries(m) {
		if e.Buffer {
			require.Contains(t, c.Buffers, e.Name)
			torchtest.Close(t, c.Buffers[e.Name], e.Tensor.Doubles(), tol, tol, e.Name)
		}
	}
}

// What a layer cannot take is a named error, not a crash in an op of its making.
func TestLayersRefuse(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		attention := modules["self_attention"](s)
		for want, f := range map[string]func(){
			"even sides":              func() { attention.Forward(s.Ones(1, 8, 3, 4)) },
			"give 8 or more":          func() { nn.NewSelfAttention(s, 4, nil) },
			"a multiple of the group": func() { nn.MinibatchStdDev{Group: 4}.Forward(s.Ones(6, 1, 2, 2)) },
			"images [N,C,H,W] are":    func() { nn.Upsample{Factor: 2}.Forward(s.Ones(3, 4)) },
			"1 value per channel":     func() { nn.NewInstanceNorm2d(s, 3, nn.NormOptions{}).Forward(s.Ones(2, 3, 1, 1)) },
		} {
			assert.Contains(t, torchtest.Error(t, f).Error(), want)
		}
	})
}

// The kernels that join a normalisation and its rectifier need weights: without them both are libtorch's.
func TestABatchNormWithoutWeightsAndItsRectifier(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.Randn(s.NewGenerator(1), 5, 32, 9, 7).ToFormat(torch.ChannelsLast)
		plain := func() *nn.BatchNorm2d { return nn.NewBatchNorm2dWith(s, 32, nn.NormOptions{NoAffine: true, Eps: .1}) }
		want := plain().Forward(x).LeakyReLU(.2).Doubles()
		torchtest.Close(t, want, nn.Sequential{plain(), nn.LeakyReLU(.2)}.Forward(x).Doubles(), 1e-6, 1e-7, "joined")
	}, torch.Layout(torch.ChannelsLast))
}
