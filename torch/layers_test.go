package torch_test

import (
	"fmt"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// layerArgs are what the cases of scripts/golden_layers.py have beside those of goldenArgs.
type layerArgs struct {
	Index               []int64
	Classes, K          int
	Descending, Largest bool
	P, Alpha, Smoothing float64
	Kernel              []int
	Ceil                bool
	ExcludePad          bool `json:"exclude_pad"`
	Bilinear, Corners   bool
	Border              torch.Border
	Nearest, Tanh       bool
	Reduction           int
	Mask, Causal, Plain bool
}

// index is the case's indices, in the case's shape where it has one.
func (a goldenArgs) index(s *torch.Scope) torch.Tensor {
	shape := a.Shape
	if shape == nil {
		shape = []int{len(a.Index)}
	}
	return s.FromInts(a.Index, shape...)
}

func (a goldenArgs) pool() torch.Pool {
	o := a.conv()
	return torch.Pool{
		Kernel: [2]int(a.Kernel), Stride: o.Stride, Padding: o.Padding, Dilation: o.Dilation, Ceil: a.Ceil, ExcludePad: a.ExcludePad,
	}
}

// fixed is a tensor of numbers in [-1,1) that no gradient is asked of, beside x.
func fixed(x torch.Tensor, stream int, shape ...int) torch.Tensor {
	return x.Scope().FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...).To(x.Info().DType)
}

// target is what the losses of 3x4 logits compare with, in [0,1).
func target(x torch.Tensor) torch.Tensor { return fixed(x, 41, 3, 4).Affine(.5, .5) }

var reductions = []torch.LossReduction{torch.MeanLoss, torch.SumLoss, torch.UnsummedLoss}

type op = func(x []torch.Tensor, a goldenArgs) torch.Tensor

// compared is a comparison of x with what is cut to [low, high] of it.
func compared(f func(t, u torch.Tensor) torch.Tensor) op {
	return func(x []torch.Tensor, a goldenArgs) torch.Tensor { return f(x[0], x[0].Clamp(a.Low, a.High)) }
}

func comparedScalar(f func(t torch.Tensor, v float64) torch.Tensor) op {
	return func(x []torch.Tensor, a goldenArgs) torch.Tensor { return f(x[0].Clamp(a.Low, a.High), a.High) }
}

func first(a, _ torch.Tensor) torch.Tensor  { return a }
func second(_, b torch.Tensor) torch.Tensor { return b }

func square(t torch.Tensor) torch.Tensor { return t.Mul(t) }

// affine is the optional weight and bias behind x.
func affine(x []torch.Tensor) (weight, bias torch.Tensor) {
	if len(x) > 1 {
		return x[1], x[2]
	}
	return weight, bias
}

var layers = map[string]op{
	"eq": compared(torch.Tensor.Eq), "ne": compared(torch.Tensor.Ne), "lt": compared(torch.Tensor.Lt),
	"le": compared(torch.Tensor.Le), "gt": compared(torch.Tensor.Gt), "ge": compared(torch.Tensor.Ge),
	"eq_scalar": comparedScalar(torch.Tensor.EqScalar), "ne_scalar": comparedScalar(torch.Tensor.NeScalar),
	"lt_scalar": comparedScalar(torch.Tensor.LtScalar), "le_scalar": comparedScalar(torch.Tensor.LeScalar),
	"gt_scalar": comparedScalar(torch.Tensor.GtScalar), "ge_scalar": comparedScalar(torch.Tensor.GeScalar),
	"maximum": func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Maximum(x[1]) },
	"minimum": func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].Minimum(x[1]) },
	"where": func(x []torch.Tensor, _ goldenArgs) torch.Tensor {
		return torch.Where(x[0].GtScalar(.1), x[0].Mul(x[1]), square(x[2]))
	},
	"index_select": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].IndexSelect(a.Dim, a.index(x[0].Scope()))
	},
	"gather": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return square(x[0].Gather(a.Dim, a.index(x[0].Scope())))
	},
	"embedding": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return square(x[0].Embedding(a.index(x[0].Scope())))
	},
	"one_hot":   func(x []torch.Tensor, a goldenArgs) torch.Tensor { return a.index(x[0].Scope()).OneHot(a.Classes) },
	"unsqueeze": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Unsqueeze(a.Dim) },
	"squeeze":   func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Squeeze(a.Dim) },
	"expand":    func(x []torch.Tensor, a goldenArgs) torch.Tensor { return square(x[0].Expand(a.Shape...)) },
	"stack":     func(x []torch.Tensor, a goldenArgs) torch.Tensor { return torch.Stack(a.Dim, x...) },

	"amax":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Amax(a.over()) },
	"amin":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Amin(a.over()) },
	"max":         func(x []torch.Tensor, a goldenArgs) torch.Tensor { return square(first(x[0].Max(a.Dim, a.Keep))) },
	"max_indices": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return second(x[0].Max(a.Dim, a.Keep)) },
	"min":         func(x []torch.Tensor, a goldenArgs) torch.Tensor { return square(first(x[0].Min(a.Dim, a.Keep))) },
	"min_indices": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return second(x[0].Min(a.Dim, a.Keep)) },
	"norm":        func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Norm(a.P, a.over()) },
	"cumsum":      func(x []torch.Tensor, a goldenArgs) torch.Tensor { return square(x[0].CumSum(a.Dim)) },
	"sort": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return square(first(x[0].Sort(a.Dim, a.Descending)))
	},
	"sort_indices": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return second(x[0].Sort(a.Dim, a.Descending)) },
	"topk": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return square(first(x[0].TopK(a.K, a.Dim, a.Largest)))
	},
	"topk_indices": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return second(x[0].TopK(a.K, a.Dim, a.Largest)) },
	"softmax":      func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Softmax(a.Dim) },
	"log_softmax":  func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].LogSoftmax(a.Dim) },

	"avg_pool2d": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].AvgPool2d(a.pool()) },
	"max_pool2d": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].MaxPool2d(a.pool()) },
	"adaptive_avg_pool2d": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].AdaptiveAvgPool2d(a.Shape[0], a.Shape[1])
	},
	"interpolate": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].Interpolate(a.Shape[0], a.Shape[1], torch.Interpolation{Bilinear: a.Bilinear, AlignCorners: a.Corners})
	},
	"pixel_shuffle":   func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].PixelShuffle(a.K) },
	"pixel_unshuffle": func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].PixelUnshuffle(a.K) },
	"pad":             func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Pad(a.Border, a.Shape...) },
	"affine_grid": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].AffineGrid(a.Shape[0], a.Shape[1], a.Corners)
	},
	"grid_sample": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].GridSample(x[1].MulScalar(1.5), torch.GridSampling{Nearest: a.Nearest, Border: a.Border, AlignCorners: a.Corners})
	},

	"layer_norm": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		w, b := affine(x)
		return x[0].LayerNorm(a.Shape, w, b, 1e-3)
	},
	"group_norm": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		w, b := affine(x)
		return x[0].GroupNorm(a.K, w, b, 1e-3)
	},
	"instance_norm": func(x []torch.Tensor, _ goldenArgs) torch.Tensor {
		w, b := affine(x)
		return x[0].InstanceNorm(w, b, 1e-3)
	},
	"silu":  func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].SiLU() },
	"gelu":  func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].GELU(a.Tanh) },
	"elu":   func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].ELU(a.Alpha) },
	"prelu": func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return x[0].PReLU(x[1]) },

	"mse_loss": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].MSELoss(target(x[0]), reductions[a.Reduction])
	},
	"l1_loss": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].L1Loss(target(x[0]), reductions[a.Reduction])
	},
	"binary_cross_entropy_with_logits": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].BCEWithLogits(target(x[0]), reductions[a.Reduction])
	},
	"cross_entropy": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].CrossEntropy(a.index(x[0].Scope()), a.Smoothing, reductions[a.Reduction])
	},
	"cross_entropy_soft": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		return x[0].CrossEntropy(target(x[0]), 0, reductions[a.Reduction])
	},

	"conv1d":      func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Conv1d(x[1], bias(x), a.conv()) },
	"cdist":       func(x []torch.Tensor, a goldenArgs) torch.Tensor { return x[0].Cdist(x[1], a.P) },
	"eigh_values": func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return first(symmetric(x[0]).Eigh()) },
	// squared: the sign of an eigenvector is anybody's
	"eigh_vectors": func(x []torch.Tensor, _ goldenArgs) torch.Tensor { return square(second(symmetric(x[0]).Eigh())) },
	"attention": func(x []torch.Tensor, a goldenArgs) torch.Tensor {
		o := torch.Attention{Causal: a.Causal, Plain: a.Plain}
		if a.Mask {
			o.Mask = fixed(x[0], 42, 4, 5)
		}
		return x[0].Attention(x[1], x[2], o)
	},
}

func symmetric(x torch.Tensor) torch.Tensor {
	apart := x.Scope().FromDoubles([]float64{0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 6, 0, 0, 0, 0, 9}, 4, 4).To(x.Info().DType)
	return x.Add(x.Permute(1, 0)).Add(apart)
}

// Values, gradients and, where PyTorch has them, second gradients of what networks are made of agree with PyTorch's.
func TestLayersAgreeWithPyTorch(t *testing.T) { agree(t, "testdata/layers.json", layers) }

// Place after place a convolution comes to what it comes to of the whole image, where it sees nothing that comes later.
func TestConv2dAtIsConv2dOfWhatWasPut(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		const n, in, out, h, w, up, side = 2, 3, 5, 4, 6, 1, 2
		g := s.NewGenerator(3)
		image, bias := s.Randn(g, n, in, h, w), s.Randn(g, out)
		weight := s.Randn(g, out, in, up+1, 2*side+1)
		weight.Narrow(2, up, 1).Narrow(3, side+1, side).Fill(0) // not put yet
		whole := image.Pad(torch.ZeroBorder, side, side, up, 0).Conv2d(weight, bias, torch.Conv{})
		seen, rows := s.Zeros(n, h+up, w+2*side, in), weight.Permute(0, 2, 3, 1)
		for row := range h {
			for column := range w {
				at := func(x torch.Tensor) torch.Tensor { return x.Narrow(2, row, 1).Narrow(3, column, 1).Reshape(n, -1) }
				said := at(image).Conv2dAt(seen, rows, bias, row, column)
				torchtest.Close(t, at(whole).Doubles(), said.Doubles(), 1e-5, 1e-5, fmt.Sprint(row, column))
			}
		}
		outside := torchtest.Error(t, func() { s.Ones(n, in).Conv2dAt(seen, rows, bias, h, 0) })
		assert.Equal(t, torch.Failed, outside.Code)
	}, torch.NoGrad)
}

// Numbers and operands that make no sense are named errors.
func TestLayersRefuseWhatMakesNoSense(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		image, row, none := s.Ones(2, 4, 4, 4), s.Ones(3), torch.Tensor{}
		index := s.FromInts([]int64{9, -7}, 2)
		for name, f := range map[string]func(){
			"where":         func() { torch.Where(row.GtScalar(0), row, none) },
			"stack":         func() { torch.Stack(0, row, none) },
			"stack nothing": func() { torch.Stack(0) },
			"stack shapes":  func() { torch.Stack(0, row, image) },
			"eq":            func() { row.Eq(none) },
			"attention":     func() { image.Attention(image, none, torch.Attention{}) },
			"mask":          func() { image.Attention(image, image, torch.Attention{Mask: index}) },
			"orthogonal":    func() { image.Orthogonal(nil, 1) },
			"orthogonal 1":  func() { row.Orthogonal(s.NewGenerator(1), 1) },
			"index_select":  func() { image.IndexSelect(1, index) },
			"gather":        func() { row.Gather(0, index) },
			"embedding":     func() { s.Ones(3, 2).Embedding(index) },
			"one_hot":       func() { index.OneHot(3) },
			"one_hot huge":  func() { s.FromInts([]int64{1}, 1).OneHot(1 << 60) },
			"unsqueeze":     func() { row.Unsqueeze(5) },
			"expand":        func() { row.Expand(4) },
			"amax":          func() { row.Amax(torch.Reduction{Dims: []int{3}}) },
			"max":           func() { row.Max(1, false) },
			"topk":          func() { row.TopK(4, 0, true) },
			"topk below":    func() { row.TopK(-1, 0, true) },
			"avg_pool2d":    func() { image.AvgPool2d(torch.Pool{}) },
			"max_pool2d":    func() { image.MaxPool2d(torch.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{-1, 1}}) },
			"adaptive":      func() { image.AdaptiveAvgPool2d(-1, 1) },
			"interpolate":   func() { image.Interpolate(0, -4, torch.Interpolation{Bilinear: true}) },
			"aligned":       func() { image.Interpolate(8, 8, torch.Interpolation{AlignCorners: true}) },
			"pixel_shuffle": func() { image.PixelShuffle(0) },
			"unshuffle":     func() { image.PixelUnshuffle(0) },
			"pad":           func() { image.Pad(torch.ReflectBorder, 4, 0, 0, 0) },
			"pad huge":      func() { image.Pad(torch.ZeroBorder, 1<<60) },
			"border":        func() { image.Pad(7, 1, 1) },
			"affine_grid":   func() { row.AffineGrid(4, 4, false) },
			"grid_sample":   func() { image.GridSample(row, torch.GridSampling{}) },
			"grid border":   func() { image.GridSample(s.Ones(2, 1, 1, 2), torch.GridSampling{Border: -1}) },
			"layer_norm":    func() { image.LayerNorm([]int{5}, none, none, 1e-5) },
			"group_norm":    func() { image.GroupNorm(0, none, none, 1e-5) },
			"instance_norm": func() { row.InstanceNorm(none, none, 1e-5) },
			"prelu":         func() { image.PReLU(s.Ones(3)) },
			"conv1d":        func() { s.Ones(1, 2, 5).Conv1d(s.Ones(1, 2, 3), none, torch.Conv{Groups: -1, Stride: [2]int{0, -1}}) },
			"cdist":         func() { s.Ones(2, 2).Cdist(s.Ones(2, 2), -1) },
			"eigh":          func() { row.Eigh() },
			"cross_entropy": func() { s.Ones(2, 3).CrossEntropy(index, 0, torch.MeanLoss) },
			"smoothing":     func() { s.Ones(1, 3).CrossEntropy(s.FromInts([]int64{1}, 1), 2, torch.MeanLoss) },
		} {
			t.Run(name, func(t *testing.T) { torchtest.Error(t, f) })
		}
	})
}
