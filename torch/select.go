package torch

/*
#include "gotorch.h"
*/
import "C"

// This file holds what compares, picks and rearranges elements. A comparison is a bool tensor, broadcast; indices are int64.

// Eq is t == u by element.
func (t Tensor) Eq(u Tensor) Tensor {
	s := join("eq", t, u)
	return s.made("eq", C.gt_eq(s.h, t.h, u.h), t, u)
}

// Ne is t != u by element.
func (t Tensor) Ne(u Tensor) Tensor {
	s := join("ne", t, u)
	return s.made("ne", C.gt_ne(s.h, t.h, u.h), t, u)
}

// Lt is t < u by element.
func (t Tensor) Lt(u Tensor) Tensor {
	s := join("lt", t, u)
	return s.made("lt", C.gt_lt(s.h, t.h, u.h), t, u)
}

// Le is t <= u by element.
func (t Tensor) Le(u Tensor) Tensor {
	s := join("le", t, u)
	return s.made("le", C.gt_le(s.h, t.h, u.h), t, u)
}

// Gt is t > u by element.
func (t Tensor) Gt(u Tensor) Tensor {
	s := join("gt", t, u)
	return s.made("gt", C.gt_gt(s.h, t.h, u.h), t, u)
}

// Ge is t >= u by element.
func (t Tensor) Ge(u Tensor) Tensor {
	s := join("ge", t, u)
	return s.made("ge", C.gt_ge(s.h, t.h, u.h), t, u)
}

// EqScalar is t == v by element.
func (t Tensor) EqScalar(v float64) Tensor {
	s := t.one("eq")
	return s.made("eq", C.gt_eq_scalar(s.h, t.h, C.double(v)), t)
}

// NeScalar is t != v by element.
func (t Tensor) NeScalar(v float64) Tensor {
	s := t.one("ne")
	return s.made("ne", C.gt_ne_scalar(s.h, t.h, C.double(v)), t)
}

// LtScalar is t < v by element.
func (t Tensor) LtScalar(v float64) Tensor {
	s := t.one("lt")
	return s.made("lt", C.gt_lt_scalar(s.h, t.h, C.double(v)), t)
}

// LeScalar is t <= v by element.
func (t Tensor) LeScalar(v float64) Tensor {
	s := t.one("le")
	return s.made("le", C.gt_le_scalar(s.h, t.h, C.double(v)), t)
}

// GtScalar is t > v by element.
func (t Tensor) GtScalar(v float64) Tensor {
	s := t.one("gt")
	return s.made("gt", C.gt_gt_scalar(s.h, t.h, C.double(v)), t)
}

// GeScalar is t >= v by element.
func (t Tensor) GeScalar(v float64) Tensor {
	s := t.one("ge")
	return s.made("ge", C.gt_ge_scalar(s.h, t.h, C.double(v)), t)
}

// Maximum is the larger of t and u by element, broadcast.
func (t Tensor) Maximum(u Tensor) Tensor {
	s := join("maximum", t, u)
	return s.made("maximum", C.gt_maximum(s.h, t.h, u.h), t, u)
}

// Minimum is the smaller of t and u by element, broadcast.
func (t Tensor) Minimum(u Tensor) Tensor {
	s := join("minimum", t, u)
	return s.made("minimum", C.gt_minimum(s.h, t.h, u.h), t, u)
}

// Where is a where condition, a bool tensor, holds and b elsewhere, broadcast. PyTorch: torch.where.
func Where(condition, a, b Tensor) Tensor {
	s := joinAll("where", []Tensor{condition, a, b})
	return s.made("where", C.gt_where(s.h, condition.h, a.h, b.h), condition, a, b)
}

// IndexSelect is the entries of t along dim that index [K] lists.
func (t Tensor) IndexSelect(dim int, index Tensor) Tensor {
	s := join("index_select", t, index)
	return s.made("index_select", C.gt_index_select(s.h, t.h, C.int64_t(dim), index.h), t, index)
}

// Gather is, for each place of index, the element of t at that place but along dim, where it is at what index says there:
// index's shape.
func (t Tensor) Gather(dim int, index Tensor) Tensor {
	s := join("gather", t, index)
	return s.made("gather", C.gt_gather(s.h, t.h, C.int64_t(dim), index.h), t, index)
}

// Embedding is the rows of t [K,D] that index [...] lists: [...,D]. PyTorch: torch.nn.functional.embedding(index, t).
func (t Tensor) Embedding(index Tensor) Tensor {
	s := join("embedding", t, index)
	return s.made("embedding", C.gt_embedding(s.h, t.h, index.h), t, index)
}

// OneHot is an int64 tensor [...,classes] with a 1 where t, int64 [...], says and 0 elsewhere. It has no gradient.
// PyTorch: torch.nn.functional.one_hot.
func (t Tensor) OneHot(classes int) Tensor {
	s := t.one("one_hot")
	return s.made("one_hot", C.gt_one_hot(s.h, t.h, C.int64_t(classes)), t)
}

// Unsqueeze is t with a dim of size 1 before dim.
func (t Tensor) Unsqueeze(dim int) Tensor {
	s := t.one("unsqueeze")
	return s.made("unsqueeze", C.gt_unsqueeze(s.h, t.h, C.int64_t(dim)), t)
}

// Squeeze is t without dim where that has size 1, and t's like otherwise.
func (t Tensor) Squeeze(dim int) Tensor {
	s := t.one("squeeze")
	return s.made("squeeze", C.gt_squeeze(s.h, t.h, C.int64_t(dim)), t)
}

// Expand is t with its dims of size 1 repeated to shape, a view; -1 keeps a size, and shape may have more dims in front.
func (t Tensor) Expand(shape ...int) Tensor {
	s := t.one("expand")
	p, n := sizes(shape)
	return s.made("expand", C.gt_expand(s.h, t.h, p, n), t)
}

// Stack joins tensors of one shape along a new dim.
func Stack(dim int, tensors ...Tensor) Tensor {
	if len(tensors) == 0 {
		misuse("stack", Failed, "no tensors given")
	}
	s := joinAll("stack", tensors)
	hs := handles("stack", s, tensors)
	return s.made("stack", C.gt_stack(s.h, first(hs), C.int(len(hs)), C.int64_t(dim)), tensors...)
}
