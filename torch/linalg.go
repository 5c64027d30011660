package torch

/*
#include "gotorch.h"
*/
import "C"

import "runtime"

// Conv1d: t [N,Cin,L], weight [Cout,Cin/groups,k], bias [Cout] or the zero Tensor; [N,Cout,L']. Of o's pairs the second
// number, the width, counts.
func (t Tensor) Conv1d(weight, bias Tensor, o Conv) Tensor {
	o = o.Filled()
	s := joinAll("conv1d", t, weight, bias)
	return s.made("conv1d", C.gt_conv1d(s.h, t.h, weight.h, bias.h, C.int64_t(o.Stride[1]), C.int64_t(o.Padding[1]),
		C.int64_t(o.Dilation[1]), C.int64_t(o.Groups)), t, weight, bias)
}

// Cdist is the p-norm distance of each row of t [...,P,D] to each of u [...,R,D]: [...,P,R].
func (t Tensor) Cdist(u Tensor, p float64) Tensor {
	s := join("cdist", t, u)
	return s.made("cdist", C.gt_cdist(s.h, t.h, u.h, C.double(p)), t, u)
}

// Eigh is the eigenvalues [...,n] of symmetric matrices t [...,n,n], rising, and their eigenvectors [...,n,n], a column
// each, of which no sign is promised. PyTorch: torch.linalg.eigh.
func (t Tensor) Eigh() (values, vectors Tensor) {
	s := t.one("eigh")
	var out [2]*C.gt_tensor
	return s.two("eigh", C.gt_eigh(s.h, t.h, &out[0]), &out, t)
}

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
	s := joinThree(op, t, key, value)
	if o.Mask.Valid() {
		s = meet(op, s, o.Mask.scopeFor(op))
		s.open(op)
	}
	return s.made(op, C.gt_attention(s.h, t.h, key.h, value.h, o.Mask.h, cbool(o.Causal), cbool(o.Plain)), t, key, value)
}

// Orthogonal overwrites t [rows,...] with gain times a matrix of orthogonal rows, or columns, drawn by g.
// PyTorch: nn.init.orthogonal_.
func (t Tensor) Orthogonal(g *Generator, gain float64) {
	defer runtime.KeepAlive(g)
	t.s.check("orthogonal_")
	t.s.must("orthogonal_", C.gt_orthogonal_(t.s.h, t.h, g.h, C.double(gain)), t)
}
