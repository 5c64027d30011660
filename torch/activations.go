package torch

/*
#include "gotorch.h"
*/
import "C"

import "runtime"

// ReLU is max(t, 0).
func (t Tensor) ReLU() Tensor {
	s := t.one("relu")
	return s.made("relu", C.gt_relu(s.h, t.h), t)
}

// LeakyReLU is t where positive, slope*t elsewhere.
func (t Tensor) LeakyReLU(slope float64) Tensor {
	s := t.one("leaky_relu")
	return s.made("leaky_relu", C.gt_leaky_relu(s.h, t.h, C.double(slope)), t)
}

// Tanh is the hyperbolic tangent.
func (t Tensor) Tanh() Tensor {
	s := t.one("tanh")
	return s.made("tanh", C.gt_tanh(s.h, t.h), t)
}

// Sigmoid is 1/(1+e^-t).
func (t Tensor) Sigmoid() Tensor {
	s := t.one("sigmoid")
	return s.made("sigmoid", C.gt_sigmoid(s.h, t.h), t)
}

// Softplus is log(1+e^t), linear above 20 as PyTorch's.
func (t Tensor) Softplus() Tensor {
	s := t.one("softplus")
	return s.made("softplus", C.gt_softplus(s.h, t.h), t)
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

// ReLUInPlace overwrites t and returns it. PyTorch: relu_.
func (t Tensor) ReLUInPlace() Tensor {
	t.s.check("relu_")
	t.s.must("relu_", C.gt_relu_(t.s.h, t.h), t)
	return t
}

// LeakyReLUInPlace overwrites t and returns it. PyTorch: leaky_relu_.
func (t Tensor) LeakyReLUInPlace(slope float64) Tensor {
	t.s.check("leaky_relu_")
	t.s.must("leaky_relu_", C.gt_leaky_relu_(t.s.h, t.h, C.double(slope)), t)
	return t
}

// SigmoidInPlace overwrites t and returns it. PyTorch: sigmoid_.
func (t Tensor) SigmoidInPlace() Tensor {
	t.s.check("sigmoid_")
	t.s.must("sigmoid_", C.gt_sigmoid_(t.s.h, t.h), t)
	return t
}

// TanhInPlace overwrites t and returns it. PyTorch: tanh_.
func (t Tensor) TanhInPlace() Tensor {
	t.s.check("tanh_")
	t.s.must("tanh_", C.gt_tanh_(t.s.h, t.h), t)
	return t
}

// Dropout zeroes elements with probability p and divides the others by 1-p, with numbers from g alone. It is the
// training form; modules leave it out in an eval scope.
func (t Tensor) Dropout(g *Generator, p float64) Tensor {
	defer runtime.KeepAlive(g)
	s := t.one("dropout")
	return s.made("dropout", C.gt_dropout(s.h, t.h, g.handle("dropout"), C.double(p)), t)
}
