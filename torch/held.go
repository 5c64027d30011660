package torch

/*
#include "gotorch.h"
*/
import "C"

// ClipInPlace cuts the values of params to [-bound, bound]. It records no graph. PyTorch: torch._foreach_clamp_.
func (s *Scope) ClipInPlace(params []Tensor, bound float64) {
	s.check("clip_")
	p := handles("clip_", s, params)
	s.must("clip_", C.gt_clip_(s.h, first(p), C.int(len(p)), C.double(bound)), params...)
}

// SpectralNorm is weight t over its greatest singular value, for t as a matrix [m,n] whose rows are along dim, 0 or 1. u [m] and v [n]
// estimate the singular vectors: they are moved on by so many power iterations first, of which the gradient knows nothing.
// PyTorch: torch.nn.utils.parametrizations.spectral_norm.
func (t Tensor) SpectralNorm(u, v Tensor, dim, iterations int) Tensor {
	s := joinAll("spectral_norm", []Tensor{t, u, v})
	return s.made("spectral_norm", C.gt_spectral_norm(s.h, t.h, u.h, v.h, C.int64_t(dim), C.int(iterations)), t, u, v)
}
