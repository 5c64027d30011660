package torch

/*
#include "gotorch.h"
*/
import "C"

// Pool holds a pooling's options, {height, width} each. A zero stride counts as the kernel, a zero dilation as one, so that
// a kernel alone is PyTorch's default.
type Pool struct {
	Kernel, Stride, Padding [2]int
	Dilation                [2]int // MaxPool2d alone
	Ceil                    bool   // a last window that sticks out counts
	ExcludePad              bool   // AvgPool2d alone: what Padding adds is not counted. PyTorch: count_include_pad=False
}

// Filled is o with PyTorch's defaults in place of zeros.
func (o Pool) Filled() Pool {
	for i := range 2 {
		if o.Stride[i] == 0 {
			o.Stride[i] = o.Kernel[i]
		}
		o.Dilation[i] = max(o.Dilation[i], 1)
	}
	return o
}

// AvgPool2d is the mean of each window: [N,C,H,W] -> [N,C,H',W'].
func (t Tensor) AvgPool2d(o Pool) Tensor {
	o = o.Filled()
	s := t.one("avg_pool2d")
	return s.made("avg_pool2d", C.gt_avg_pool2d(s.h, t.h, pair(&o.Kernel), pair(&o.Stride), pair(&o.Padding), cbool(o.Ceil),
		cbool(!o.ExcludePad)), t)
}

// MaxPool2d is the largest element of each window: [N,C,H,W] -> [N,C,H',W'].
func (t Tensor) MaxPool2d(o Pool) Tensor {
	o = o.Filled()
	s := t.one("max_pool2d")
	return s.made("max_pool2d", C.gt_max_pool2d(s.h, t.h, pair(&o.Kernel), pair(&o.Stride), pair(&o.Padding), pair(&o.Dilation),
		cbool(o.Ceil)), t)
}

// AdaptiveAvgPool2d is the mean of windows that make an image of h x w of any: [N,C,H,W] -> [N,C,h,w].
func (t Tensor) AdaptiveAvgPool2d(h, w int) Tensor {
	size := [2]int{h, w}
	s := t.one("adaptive_avg_pool2d")
	return s.made("adaptive_avg_pool2d", C.gt_adaptive_avg_pool2d(s.h, t.h, pair(&size)), t)
}
