package torch

/*
#include "gotorch.h"
*/
import "C"

// Attention says what a query may look at, and how; the zero value is PyTorch's default.
type Attention struct {
	Mask   Tensor // bool, broadcast to [...,L,S]: true takes part; or numbers that are added to the scores
	Causal bool   // place i sees the places up to i
	// Plain computes with products and a softmax: more memory, but it can be differentiated twice, which the fused kernels
	// cannot.
	Plain bool
}

// Attention is softmax(t key^T / sqrt(E)) value: queries t [...,L,E], key [...,S,E], value [...,S,V]; [...,L,V]. PyTorch:
// torch.nn.functional.scaled_dot_product_attention.
func (t Tensor) Attention(key, value Tensor, o Attention) Tensor {
	const op = "scaled_dot_product_attention"
	s := joinAll(op, []Tensor{t, key, value}, o.Mask)
	return s.made(op, C.gt_attention(s.h, t.h, key.h, value.h, o.Mask.h, cbool(o.Causal), cbool(o.Plain)), t, key, value)
}
