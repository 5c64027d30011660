package torch

/*
#include "gotorch.h"
*/
import "C"

// LayerNorm normalises the last dims of t, those of shape, and scales them by weight and bias of that shape, which may be
// zero Tensors. PyTorch's eps is 1e-5.
func (t Tensor) LayerNorm(shape []int, weight, bias Tensor, eps float64) Tensor {
	s := joinAll("layer_norm", []Tensor{t}, weight, bias)
	p, n := sizes(shape)
	return s.made("layer_norm", C.gt_layer_norm(s.h, t.h, p, n, weight.h, bias.h, C.double(eps)), t, weight)
}

// GroupNorm normalises t [N,C,...] by sample and group of channels, and scales it by weight and bias [C], which may be zero
// Tensors. PyTorch's eps is 1e-5.
func (t Tensor) GroupNorm(groups int, weight, bias Tensor, eps float64) Tensor {
	s := joinAll("group_norm", []Tensor{t}, weight, bias)
	return s.made("group_norm", C.gt_group_norm(s.h, t.h, C.int64_t(groups), weight.h, bias.h, C.double(eps)), t, weight)
}

// InstanceNorm normalises t [N,C,...] by sample and channel, and scales it by weight and bias [C], which may be zero
// Tensors. PyTorch's eps is 1e-5.
func (t Tensor) InstanceNorm(weight, bias Tensor, eps float64) Tensor {
	s := joinAll("instance_norm", []Tensor{t}, weight, bias)
	return s.made("instance_norm", C.gt_instance_norm(s.h, t.h, weight.h, bias.h, C.double(eps)), t, weight)
}
