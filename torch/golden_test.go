package torch_test

import (
	"fmt"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type goldenCase struct {
	Op     string
	Args   goldenArgs
	Shapes [][]int
	Shift  float64
	Scale  float64
	Out    struct {
		Shape  []int
		Values []float64
	}
	Grads, Second [][]float64
}

type goldenArgs struct {
	Stride, Padding, Dilation []int
	OutputPadding             []int `json:"output_padding"`
	Groups                    int
	ScaleBy                   float64 `json:"scale_by"`
	ShiftBy                   float64 `json:"shift_by"`
	Exponent, Low, High       float64
	Slope                     float64
	Dims, Shape, Order        []int
	Keep                      bool
	Correction                int
	Dim, Start, End, Step     int
	layerArgs
}

func (a goldenArgs) conv() torch.Conv {
	o := torch.Conv{Groups: a.Groups}
	for i := range 2 {
		for _, part := range []struct {
			from []int
			to   *[2]int
		}{{a.Stride, &o.Stride}, {a.Padding, &o.Padding}, {a.Dilation, &o.Dilation}, {a.OutputPadding, &o.OutputPadding}} {
			if part.from != nil {
				part.to[i] = part.from[i]
			}
		}
	}
	return o
}

func (a goldenArgs) over() torch.Reduction {
	return torch.Reduction{Dims: a.Dims, Keep: a.Keep, Correction: a.Correction}
}

// bias is the optional third input.
func bias(x []torch.Tensor) torch.Tensor {
	if len(x) > 2 {
		return x[2]
	}
	return torch.Tensor{}
}

// ops says how each op of the goldens is spelled here.
var ops = map[string]func(x []torch.Tensor, a goldenArgs) torch.Tensor{
	"add":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Add(x[1]) },
	"sub":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Sub(x[1]) },
	"mul":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Mul(x[1]) },
	"div":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Div(x[1]) },
	"matmul":     func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].MatMul(x[1]) },
	"linear":     func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Linear(x[1], bias(x)) },
	"affine":     func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Affine(a.ScaleBy, a.ShiftBy) },
	"pow":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Pow(a.Exponent) },
	"abs":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Abs() },
	"exp":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Exp() },
	"log":        func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Log() },
	"sqrt":       func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Sqrt() },
	"clamp":      func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Clamp(a.Low, a.High) },
	"relu":       func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].ReLU() },
	"leaky_relu": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].LeakyReLU(a.Slope) },
	"tanh":       func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Tanh() },
	"sigmoid":    func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Sigmoid() },
	"softplus":   func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Softplus() },
	"sum":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].SumOver(a.over()) },
	"mean":       func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].MeanOver(a.over()) },
	"var":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].VarOver(a.over()) },
	"reshape":    func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Reshape(a.Shape...) },
	"permute":    func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Permute(a.Order...) },
	"slice":      func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Slice(a.Dim, a.Start, a.End, a.Step) },
	"cat":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return torch.Cat(a.Dim, x...) },
	"conv2d":     func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Conv2d(x[1], bias(x), a.conv()) },
	"conv_transpose2d": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].ConvTranspose2d(x[1], bias(x), a.conv())
	},
	"batch_norm_train": func(x []torch.Tensor, _ goldenArgs) torch.Tensor {
		return x[0].BatchNorm(torch.Norm{Weight: x[1], Bias: x[2], Momentum: .1, Eps: 1e-5}, true)
	},
	"batch_norm_eval": func(x []torch.Tensor, _ goldenArgs) torch.Tensor {
		s, d := x[0].Scope(), x[0].Info().DType
		mean := s.FromDoubles(torchtest.Fill(7, 3), 3).To(d)
		variance := s.FromDoubles(torchtest.Fill(8, 3), 3).To(d).AddScalar(2)
		return x[0].BatchNorm(torch.Norm{Weight: x[1], Bias: x[2], Mean: mean, Var: variance, Momentum: .1, Eps: 1e-5}, false)
	},
}

// Values, gradients and second gradients of every op agree with PyTorch's, in both precisions, on every device, and
// for images in both layouts.
func TestOpsAgreeWithPyTorch(t *testing.T) { agree(t, "testdata/ops.json", ops) }

// agree holds ops to the cases of a file, of which each has one.
func agree(t *testing.T, path string, ops map[string]func(x []torch.Tensor, a goldenArgs) torch.Tensor) {
	t.Helper()
	var golden struct{ Cases []goldenCase }
	torchtest.Golden(t, path, &golden)
	seen := map[string]bool{}
	for i, c := range golden.Cases {
		run, ok := ops[c.Op]
		require.True(t, ok, "no op %s here", c.Op)
		seen[c.Op] = true
		t.Run(fmt.Sprintf("%s-%d", c.Op, i), func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				for _, f := range []torch.Format{torch.Contiguous, torch.ChannelsLast} {
					compare(t, s, c, run, torch.Float64, f, 1e-10)
					compare(t, s, c, run, torch.Float32, f, 2e-4)
				}
			})
		})
	}
	for name := range ops {
		assert.True(t, seen[name], "no golden for %s", name)
	}
}

func compare(t *testing.T, s *torch.Scope, c goldenCase, run func([]torch.Tensor, goldenArgs) torch.Tensor, d torch.DType,
	f torch.Format, tol float64) {
	t.Helper()
	s = s.Child()
	defer s.Close()
	what := fmt.Sprintf("%s %s format %d", c.Op, d, f)
	inputs := make([]torch.Tensor, len(c.Shapes))
	for i, shape := range c.Shapes {
		x := s.FromDoubles(torchtest.Fill(i+1, torchtest.Count(shape)), shape...).Affine(c.Scale, c.Shift).To(d)
		if len(shape) == 4 {
			x = x.ToFormat(f)
		}
		inputs[i] = x.Detach().RequireGrad()
	}
	out := run(inputs, c.Args)
	assert.Equal(t, c.Out.Shape, out.Shape(), what)
	torchtest.Close(t, c.Out.Values, out.Doubles(), tol, tol, what)
	if c.Grads == nil {
		return
	}
	weights := s.FromDoubles(torchtest.Fill(99, len(c.Out.Values)), c.Out.Shape...).To(d)
	grads := torch.Grad(out.Mul(weights).Sum(), c.Second != nil, inputs...)
	for i, g := range grads {
		torchtest.Close(t, c.Grads[i], g.Doubles(), tol, tol, what+" gradient")
	}
	if c.Second == nil {
		return
	}
	norm := s.Full(0).To(d)
	for _, g := range grads {
		norm = norm.Add(g.Mul(g).Sum())
	}
	norm = norm.MulScalar(.5)
	if !norm.Info().RequiresGrad { // the gradients are constants
		for _, want := range c.Second {
			torchtest.Close(t, make([]float64, len(want)), want, 0, 0, what+" second gradient")
		}
		return
	}
	for i, g := range torch.Grad(norm, false, inputs...) {
		torchtest.Close(t, c.Second[i], g.Doubles(), 10*tol, 10*tol, what+" second gradient")
	}
}
