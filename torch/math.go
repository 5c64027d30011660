package torch

/*
#include "gotorch.h"
*/
import "C"

// Add is t+u, broadcast.
func (t Tensor) Add(u Tensor) Tensor {
	s := join("add", t, u)
	return s.made("add", C.gt_add(s.h, t.h, u.h), t, u)
}

// Sub is t-u, broadcast.
func (t Tensor) Sub(u Tensor) Tensor {
	s := join("sub", t, u)
	return s.made("sub", C.gt_sub(s.h, t.h, u.h), t, u)
}

// Mul is t*u by element, broadcast.
func (t Tensor) Mul(u Tensor) Tensor {
	s := join("mul", t, u)
	return s.made("mul", C.gt_mul(s.h, t.h, u.h), t, u)
}

// Div is t/u by element, broadcast.
func (t Tensor) Div(u Tensor) Tensor {
	s := join("div", t, u)
	return s.made("div", C.gt_div(s.h, t.h, u.h), t, u)
}

// MatMul is the matrix product. PyTorch: torch.matmul.
func (t Tensor) MatMul(u Tensor) Tensor {
	s := join("matmul", t, u)
	return s.made("matmul", C.gt_matmul(s.h, t.h, u.h), t, u)
}

// AddInPlace adds alpha*u to t. PyTorch: add_.
func (t Tensor) AddInPlace(u Tensor, alpha float64) {
	s := both("add_", t, u)
	s.must("add_", C.gt_add_(s.h, t.h, u.h, C.double(alpha)), t, u)
}

// AddScalar is t+v.
func (t Tensor) AddScalar(v float64) Tensor { return t.Affine(1, v) }

// MulScalar is t*v.
func (t Tensor) MulScalar(v float64) Tensor { return t.Affine(v, 0) }

// Neg is -t.
func (t Tensor) Neg() Tensor { return t.Affine(-1, 0) }

// Affine is t*scale + shift.
func (t Tensor) Affine(scale, shift float64) Tensor {
	s := t.one("affine")
	return s.made("affine", C.gt_affine(s.h, t.h, C.double(scale), C.double(shift)), t)
}

// Pow is t^exponent by element.
func (t Tensor) Pow(exponent float64) Tensor {
	s := t.one("pow")
	return s.made("pow", C.gt_pow(s.h, t.h, C.double(exponent)), t)
}

// Abs is |t|.
func (t Tensor) Abs() Tensor {
	s := t.one("abs")
	return s.made("abs", C.gt_abs(s.h, t.h), t)
}

// Exp is e^t.
func (t Tensor) Exp() Tensor {
	s := t.one("exp")
	return s.made("exp", C.gt_exp(s.h, t.h), t)
}

// Log is the natural logarithm.
func (t Tensor) Log() Tensor {
	s := t.one("log")
	return s.made("log", C.gt_log(s.h, t.h), t)
}

// Sqrt is the square root.
func (t Tensor) Sqrt() Tensor {
	s := t.one("sqrt")
	return s.made("sqrt", C.gt_sqrt(s.h, t.h), t)
}

// Clamp cuts t's values to [low, high].
func (t Tensor) Clamp(low, high float64) Tensor {
	s := t.one("clamp")
	return s.made("clamp", C.gt_clamp(s.h, t.h, C.double(low), C.double(high)), t)
}

// Reduction says how a reduction treats the dims it runs over.
type Reduction struct {
	Dims       []int // none: all
	Keep       bool  // they stay, with size 1
	Correction int   // Var's divisor is N-Correction; PyTorch's default is 1
}

// Sum of all elements.
func (t Tensor) Sum() Tensor { return t.SumOver(Reduction{}) }

// SumOver is torch.sum(dim=..., keepdim=...).
func (t Tensor) SumOver(r Reduction) Tensor {
	s := t.one("sum")
	p, n := sizes(r.Dims)
	return s.made("sum", C.gt_sum(s.h, t.h, p, n, cbool(r.Keep)), t)
}

// Mean of all elements.
func (t Tensor) Mean() Tensor { return t.MeanOver(Reduction{}) }

// MeanOver is torch.mean(dim=..., keepdim=...).
func (t Tensor) MeanOver(r Reduction) Tensor {
	s := t.one("mean")
	p, n := sizes(r.Dims)
	return s.made("mean", C.gt_mean(s.h, t.h, p, n, cbool(r.Keep)), t)
}

// Var is the variance of all elements with divisor N-1.
func (t Tensor) Var() Tensor { return t.VarOver(Reduction{Correction: 1}) }

// VarOver is torch.var(dim=..., correction=..., keepdim=...).
func (t Tensor) VarOver(r Reduction) Tensor {
	s := t.one("var")
	p, n := sizes(r.Dims)
	return s.made("var", C.gt_var(s.h, t.h, p, n, C.int(r.Correction), cbool(r.Keep)), t)
}
