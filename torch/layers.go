package torch

/*
#include "gotorch.h"
*/
import "C"

// Conv holds a convolution's options, {height, width} each. Zero strides, dilations and groups count as one, so the
// zero value is PyTorch's default.
type Conv struct {
	Stride, Padding, Dilation [2]int
	OutputPadding             [2]int // transposed only
	Groups                    int
}

// Filled is o with PyTorch's defaults in place of zeros.
func (o Conv) Filled() Conv {
	for i := range 2 {
		o.Stride[i] = max(o.Stride[i], 1)
		o.Dilation[i] = max(o.Dilation[i], 1)
	}
	o.Groups = max(o.Groups, 1)
	return o
}

func pair(p *[2]int) *C.int64_t {
	ptr, _ := sizes(p[:])
	return ptr
}

// Linear is x W^T + b: x [...,in], weight [out,in], bias [out] or the zero Tensor.
func (t Tensor) Linear(weight, bias Tensor) Tensor {
	s := joinAll("linear", []Tensor{t, weight}, bias)
	return s.made("linear", C.gt_linear(s.h, t.h, weight.h, bias.h), t, weight, bias)
}

// Conv1d: t [N,Cin,L], weight [Cout,Cin/groups,k], bias [Cout] or the zero Tensor; [N,Cout,L']. Of o's pairs the second
// number, the width, counts.
func (t Tensor) Conv1d(weight, bias Tensor, o Conv) Tensor {
	o = o.Filled()
	s := joinAll("conv1d", []Tensor{t, weight}, bias)
	return s.made("conv1d", C.gt_conv1d(s.h, t.h, weight.h, bias.h, C.int64_t(o.Stride[1]), C.int64_t(o.Padding[1]),
		C.int64_t(o.Dilation[1]), C.int64_t(o.Groups)), t, weight, bias)
}

// Conv2d: t [N,Cin,H,W], weight [Cout,Cin/groups,kh,kw], bias [Cout] or the zero Tensor; [N,Cout,H',W'].
func (t Tensor) Conv2d(weight, bias Tensor, o Conv) Tensor {
	o = o.Filled()
	s := joinAll("conv2d", []Tensor{t, weight}, bias)
	return s.made("conv2d", C.gt_conv2d(s.h, t.h, weight.h, bias.h, pair(&o.Stride), pair(&o.Padding), pair(&o.Dilation),
		C.int64_t(o.Groups)), t, weight, bias)
}

// Conv2dAt is a convolution of one place after the other, of images of which only what lies before it is there. t [N,Cin]
// becomes the pixel of seen [N,H,W,Cin] that lies in the last row and the middle column of the window of weight
// [Cout,kh,kw,Cin] whose corner is at row and column; the result, [N,Cout], is the window's. bias [Cout] or the zero Tensor.
func (t Tensor) Conv2dAt(seen, weight, bias Tensor, row, column int) Tensor {
	s := joinAll("conv2d_at", []Tensor{t, seen, weight}, bias)
	return s.made("conv2d_at", C.gt_conv2d_at(s.h, seen.h, t.h, weight.h, bias.h, C.int64_t(row), C.int64_t(column)), t, seen, weight)
}

// ConvTranspose2d: t [N,Cin,H,W], weight [Cin,Cout/groups,kh,kw], bias [Cout] or the zero Tensor; [N,Cout,H',W'].
func (t Tensor) ConvTranspose2d(weight, bias Tensor, o Conv) Tensor {
	o = o.Filled()
	s := joinAll("conv_transpose2d", []Tensor{t, weight}, bias)
	return s.made("conv_transpose2d", C.gt_conv_transpose2d(s.h, t.h, weight.h, bias.h, pair(&o.Stride), pair(&o.Padding),
		pair(&o.OutputPadding), pair(&o.Dilation), C.int64_t(o.Groups)), t, weight, bias)
}

// Norm holds what batch normalisation needs besides its input; [C] each, any of them may be the zero Tensor.
type Norm struct {
	Weight, Bias Tensor // or both [N,C], of each sample
	Mean, Var    Tensor // running statistics
	Tracked      Tensor // int64 0-dim: batches counted
	Momentum     float64
	Eps          float64
}

// BatchNorm normalises t [N,C,...] by channel: with the batch's statistics, which it folds into the running ones, when
// training, and with the running ones otherwise. PyTorch: torch.batch_norm, as nn.BatchNorm2d calls it.
func (t Tensor) BatchNorm(n Norm, training bool) Tensor {
	s := joinAll("batch_norm", []Tensor{t}, n.Weight, n.Bias, n.Mean, n.Var, n.Tracked)
	return s.made("batch_norm", C.gt_batch_norm(s.h, t.h, n.Weight.h, n.Bias.h, n.Mean.h, n.Var.h, n.Tracked.h,
		cbool(training), C.double(n.Momentum), C.double(n.Eps)), t, n.Weight)
}

// Reshape gives t another shape; one size may be -1.
func (t Tensor) Reshape(shape ...int) Tensor {
	s := t.one("reshape")
	p, n := sizes(shape)
	return s.made("reshape", C.gt_reshape(s.h, t.h, p, n), t)
}

// Permute reorders the dims.
func (t Tensor) Permute(order ...int) Tensor {
	s := t.one("permute")
	p, n := sizes(order)
	return s.made("permute", C.gt_permute(s.h, t.h, p, n), t)
}

// Slice is t[start:end:step] along dim.
func (t Tensor) Slice(dim, start, end, step int) Tensor {
	s := t.one("slice")
	return s.made("slice", C.gt_slice(s.h, t.h, C.int64_t(dim), C.int64_t(start), C.int64_t(end), C.int64_t(step)), t)
}

// Narrow is the n entries of t along dim from start.
func (t Tensor) Narrow(dim, start, n int) Tensor { return t.Slice(dim, start, start+n, 1) }

// Cat joins tensors along dim.
func Cat(dim int, tensors ...Tensor) Tensor {
	if len(tensors) == 0 {
		misuse("cat", Failed, "no tensors given")
	}
	s := joinAll("cat", tensors)
	hs := handles("cat", s, tensors)
	return s.made("cat", C.gt_cat(s.h, first(hs), C.int(len(hs)), C.int64_t(dim)), tensors...)
}
