package torch

/*
#include "gotorch.h"
*/
import "C"

// two are the results of an op that has two.
func (s *Scope) two(op string, code C.int, out *[2]*C.gt_tensor, operands ...Tensor) (a, b Tensor) {
	s.must(op, code, operands...)
	return Tensor{h: out[0], s: s}, Tensor{h: out[1], s: s}
}

// Amax is the largest element over r's dims; a gradient is shared by those that are equal. PyTorch: torch.amax.
func (t Tensor) Amax(r Reduction) Tensor {
	s := t.one("amax")
	p, n := sizes(r.Dims)
	return s.made("amax", C.gt_amax(s.h, t.h, p, n, cbool(r.Keep)), t)
}

// Amin is the smallest element over r's dims; a gradient is shared by those that are equal. PyTorch: torch.amin.
func (t Tensor) Amin(r Reduction) Tensor {
	s := t.one("amin")
	p, n := sizes(r.Dims)
	return s.made("amin", C.gt_amin(s.h, t.h, p, n, cbool(r.Keep)), t)
}

// Max is the largest element along dim, and its int64 index; keep leaves dim with size 1.
func (t Tensor) Max(dim int, keep bool) (values, indices Tensor) {
	s := t.one("max")
	var out [2]*C.gt_tensor
	return s.two("max", C.gt_max(s.h, t.h, C.int64_t(dim), cbool(keep), &out[0]), &out, t)
}

// Min is the smallest element along dim, and its int64 index; keep leaves dim with size 1.
func (t Tensor) Min(dim int, keep bool) (values, indices Tensor) {
	s := t.one("min")
	var out [2]*C.gt_tensor
	return s.two("min", C.gt_min(s.h, t.h, C.int64_t(dim), cbool(keep), &out[0]), &out, t)
}

// Norm is (sum |t|^p)^(1/p) over r's dims. PyTorch: torch.linalg.vector_norm.
func (t Tensor) Norm(p float64, r Reduction) Tensor {
	s := t.one("norm")
	over, n := sizes(r.Dims)
	return s.made("norm", C.gt_norm(s.h, t.h, C.double(p), over, n, cbool(r.Keep)), t)
}

// CumSum is the running sum along dim. PyTorch: torch.cumsum.
func (t Tensor) CumSum(dim int) Tensor {
	s := t.one("cumsum")
	return s.made("cumsum", C.gt_cumsum(s.h, t.h, C.int64_t(dim)), t)
}

// Sort orders the elements along dim, equal ones as they stood, and says where they stood: int64. PyTorch:
// torch.sort(stable=True).
func (t Tensor) Sort(dim int, descending bool) (values, indices Tensor) {
	s := t.one("sort")
	var out [2]*C.gt_tensor
	return s.two("sort", C.gt_sort(s.h, t.h, C.int64_t(dim), cbool(descending), &out[0]), &out, t)
}

// TopK is the k largest elements along dim, or the k smallest, in order, and their int64 indices.
func (t Tensor) TopK(k, dim int, largest bool) (values, indices Tensor) {
	s := t.one("topk")
	var out [2]*C.gt_tensor
	return s.two("topk", C.gt_topk(s.h, t.h, C.int64_t(k), C.int64_t(dim), cbool(largest), &out[0]), &out, t)
}

// Softmax is e^t divided by its sum along dim.
func (t Tensor) Softmax(dim int) Tensor {
	s := t.one("softmax")
	return s.made("softmax", C.gt_softmax(s.h, t.h, C.int64_t(dim)), t)
}

// LogSoftmax is the logarithm of Softmax.
func (t Tensor) LogSoftmax(dim int) Tensor {
	s := t.one("log_softmax")
	return s.made("log_softmax", C.gt_log_softmax(s.h, t.h, C.int64_t(dim)), t)
}
