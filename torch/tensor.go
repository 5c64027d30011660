package torch

/*
#include "gotorch.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Tensor is a handle to a tensor that a Scope owns: a small value, to be copied freely.
type Tensor struct {
	h *C.gt_tensor
	s *Scope
}

// Info describes a tensor.
type Info struct {
	DType        DType
	Device       Device
	Shape        []int
	RequiresGrad bool
	ChannelsLast bool // a 4-dim tensor stored as NHWC
}

func (s *Scope) describe(t Tensor) (Info, bool) {
	var c C.gt_info
	if C.gt_describe(s.h, t.h, &c) != C.GT_OK {
		return Info{}, false
	}
	info := Info{
		DType:        DType(c.dtype),
		Device:       Device{CUDA: c.device == C.GT_CUDA, Index: int(c.device_index)},
		Shape:        make([]int, c.dims),
		RequiresGrad: c.requires_grad != 0,
		ChannelsLast: c.channels_last != 0,
	}
	for i := range info.Shape {
		info.Shape[i] = int(c.shape[i])
	}
	return info, true
}

// Info describes t.
func (t Tensor) Info() Info {
	t.s.check("info")
	info, ok := t.s.describe(t)
	if !ok {
		t.s.fail("info")
	}
	return info
}

// Shape is t's sizes.
func (t Tensor) Shape() []int { return t.Info().Shape }

// Scope is the scope that owns t.
func (t Tensor) Scope() *Scope { return t.s }

// Valid reports whether t was ever made; the zero Tensor was not.
func (t Tensor) Valid() bool { return t.h != nil }

// Same reports whether t and u are one handle, as the operand and the result of an op in place are.
func (t Tensor) Same(u Tensor) bool { return t.h == u.h }

// Release drops t before its scope ends. It is for modules, which release what they made themselves as soon as the
// next layer has used it; what autograd needs stays alive in the graph.
func (t Tensor) Release() {
	t.s.check("release")
	t.s.must("release", C.gt_release(t.s.h, t.h))
}

func (t Tensor) String() string {
	if t.h == nil {
		return "tensor(none)"
	}
	info := t.Info()
	return fmt.Sprintf("tensor(%s%v, %s)", info.DType, info.Shape, info.Device)
}

// one is the scope of a result of t alone.
func (t Tensor) one(op string) *Scope {
	t.s.open(op)
	return t.s
}

// join is the scope of a result of a and b: the deeper of their two, which must descend from the other.
func join(op string, a, b Tensor) *Scope {
	s := both(op, a, b)
	s.open(op)
	return s
}

// both is join for an op that makes no tensor.
func both(op string, a, b Tensor) *Scope {
	a.s.check(op)
	b.s.check(op)
	return meet(op, a.s, b.s)
}

// joinAll is join for any number of operands, at least one of them required. An optional one that was never made counts
// for nothing.
func joinAll(op string, required []Tensor, optional ...Tensor) *Scope {
	s := required[0].s
	s.check(op)
	for _, t := range required[1:] {
		t.s.check(op)
		s = meet(op, s, t.s)
	}
	for _, t := range optional {
		if t.Valid() {
			t.s.check(op)
			s = meet(op, s, t.s)
		}
	}
	s.open(op)
	return s
}

// meet is the deeper of two open scopes, which must descend from the other.
func meet(op string, a, b *Scope) *Scope {
	if a == b {
		return a
	}
	if a.depth < b.depth {
		a, b = b, a
	}
	up := a
	for up.depth > b.depth {
		up = up.parent
	}
	if up != b {
		misuse(op, Siblings, "the operands live in sibling scopes: bring one into the other's with Use")
	}
	return a
}

// sizes passes a Go slice as C's int64_t array. Go's int has 64 bits on every machine that libtorch runs on.
func sizes(of []int) (*C.int64_t, C.int) {
	if len(of) == 0 {
		return nil, 0
	}
	return (*C.int64_t)(unsafe.Pointer(&of[0])), C.int(len(of))
}

// handle is t's, for an op that names its scope and works on t: made, in an open scope, on one line of descent with s.
func handle(op string, s *Scope, t Tensor) *C.gt_tensor {
	t.s.check(op)
	meet(op, s, t.s)
	return t.h
}

// optional is handle for an operand that may be the zero Tensor; nil then.
func optional(op string, s *Scope, t Tensor) *C.gt_tensor {
	if !t.Valid() {
		return nil
	}
	return handle(op, s, t)
}

// handles is handle for each of tensors.
func handles(op string, s *Scope, tensors []Tensor) []*C.gt_tensor {
	hs := make([]*C.gt_tensor, len(tensors))
	for i, t := range tensors {
		hs[i] = handle(op, s, t)
	}
	return hs
}

func first(hs []*C.gt_tensor) **C.gt_tensor {
	if len(hs) == 0 {
		return nil
	}
	return &hs[0]
}
