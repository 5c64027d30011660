package torch

/*
#include "gotorch.h"
*/
import "C"

// RequireGrad declares t a leaf to differentiate by, and returns it.
func (t Tensor) RequireGrad() Tensor {
	t.s.check("requires_grad_")
	t.s.must("requires_grad_", C.gt_set_requires_grad(t.s.h, t.h, 1), t)
	return t
}

// Gradient is what Backward added up for leaf t, as a tensor of s; the zero Tensor where there is none.
func (s *Scope) Gradient(t Tensor) Tensor {
	s.open("grad")
	var h *C.gt_tensor
	s.must("grad", C.gt_gradient(s.h, handle("grad", s, t), &h), t)
	if h == nil {
		return Tensor{}
	}
	return Tensor{h: h, s: s}
}

// Backward adds dt/dleaf to the gradient of each leaf, or of every leaf of the graph if none is named, and frees the
// graph. Nothing else is differentiated. PyTorch: t.backward(inputs=leaves).
func (t Tensor) Backward(leaves ...Tensor) { t.backward(false, leaves) }

func (t Tensor) backward(retain bool, leaves []Tensor) {
	t.s.check("backward")
	hs := handles("backward", t.s, leaves)
	t.s.must("backward", C.gt_backward(t.s.h, t.h, first(hs), C.int(len(hs)), cbool(retain)), t)
}

// Grad is d(sum of root)/d(input) for each input, zeros where root does not depend on it, as tensors of root's scope.
// With createGraph the results can be differentiated again. PyTorch: torch.autograd.grad.
func Grad(root Tensor, createGraph bool, inputs ...Tensor) []Tensor {
	s := joinAll("grad", append([]Tensor{root}, inputs...))
	hs := handles("grad", s, inputs)
	out := make([]*C.gt_tensor, len(hs))
	s.must("grad", C.gt_grad(s.h, root.h, first(hs), C.int(len(hs)), cbool(createGraph), first(out)), root)
	grads := make([]Tensor, len(out))
	for i, h := range out {
		grads[i] = Tensor{h: h, s: s}
	}
	return grads
}
