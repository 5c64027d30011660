package torch

/*
#include "gotorch.h"
*/
import "C"

// LayerNorm normalises the last dims of t, those of shape, and scales them by weight and bias of that shape, which may be
// zero Tensors. PyTorch's eps is 1e-5.
func (t Tensor) LayerNorm(shape []int, weight, bias Tensor, eps float64) Tensor {
	s := joinAll("layer_norm", t, weight, bias)
	p, n := sizes(shape)
	return s.made("layer_norm", C.gt_layer_norm(s.h, t.h, p, n, weight.h, bias.h, C.double(eps)), t, weight)
}

// GroupNorm normalises t [N,C,...] by sample and group of channels, and scales it by weight and bias [C], which may be zero
// Tensors. PyTorch's eps is 1e-5.
func (t Tensor) GroupNorm(groups int, weight, bias Tensor, eps float64) Tensor {
	s := joinAll("group_norm", t, weight, bias)
	return s.made("group_norm", C.gt_group_norm(s.h, t.h, C.int64_t(groups), weight.h, bias.h, C.double(eps)), t, weight)
}

// InstanceNorm normalises t [N,C,...] by sample and channel, and scales it by weight and bias [C], which may be zero
// Tensors. PyTorch's eps is 1e-5.
func (t Tensor) InstanceNorm(weight, bias Tensor, eps float64) Tensor {
	s := joinAll("instance_norm", t, weight, bias)
	return s.made("instance_norm", C.gt_instance_norm(s.h, t.h, weight.h, bias.h, C.double(eps)), t, weight)
}

// SiLU is t*sigmoid(t), also called Swish.
func (t Tensor) SiLU() Tensor {
	s := t.one("silu")
	return s.made("silu", C.gt_silu(s.h, t.h), t)
}

// GELU is t*P(X <= t) of a normal X; tanh asks for the approximation by that function.
func (t Tensor) GELU(tanh bool) Tensor {
	s := t.one("gelu")
	return s.made("gelu", C.gt_gelu(s.h, t.h, cbool(tanh)), t)
}

// ELU is t where positive, alpha*(e^t-1) elsewhere. PyTorch's alpha is 1.
func (t Tensor) ELU(alpha float64) Tensor {
	s := t.one("elu")
	return s.made("elu", C.gt_elu(s.h, t.h, C.double(alpha)), t)
}

// PReLU is t where positive, weight*t elsewhere: t [N,C,...], weight [1] or [C].
func (t Tensor) PReLU(weight Tensor) Tensor {
	s := join("prelu", t, weight)
	return s.made("prelu", C.gt_prelu(s.h, t.h, weight.h), t, weight)
}
