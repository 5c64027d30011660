package torch

/*
#include "gotorch.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Generator is a stream of random numbers on one device. PyTorch: torch.Generator.
type Generator struct {
	h *C.gt_generator // freed with g: calls that take it keep g alive until they return
	s *Scope
}

// NewGenerator makes a stream on the scope's device. The scope must outlive its use.
func (s *Scope) NewGenerator(seed uint64) *Generator {
	s.check("generator")
	h := C.gt_generator_new(s.h, C.uint64_t(seed))
	if h == nil {
		s.fail("generator")
	}
	g := &Generator{h: h, s: s}
	// A generator is a few kilobytes on the host, so the collector may take its time.
	runtime.AddCleanup(g, func(h *C.gt_generator) { C.gt_generator_free(h) }, h)
	return g
}

// handle is g's, for a call that draws from it.
func (g *Generator) handle(op string) *C.gt_generator {
	if g == nil || g.h == nil {
		misuse(op, NotInitialised, "the generator was never made: NewGenerator makes one")
	}
	return g.h
}

// State is the stream's position, as torch.Generator.get_state has it.
func (g *Generator) State() []byte {
	defer runtime.KeepAlive(g)
	buf := make([]byte, 8192) // the CPU's Mersenne Twister takes 5056
	var used C.size_t
	h := g.handle("get_state")
	g.s.check("get_state")
	g.s.must("get_state", C.gt_generator_state(g.s.h, h, bytesPtr(buf), C.size_t(len(buf)), &used))
	return buf[:used]
}

// SetState moves the stream to a position that State returned.
func (g *Generator) SetState(state []byte) {
	defer runtime.KeepAlive(g)
	h := g.handle("set_state")
	g.s.check("set_state")
	g.s.must("set_state", C.gt_generator_set_state(g.s.h, h, unsafe.Pointer(unsafe.SliceData(state)), C.size_t(len(state))))
}
