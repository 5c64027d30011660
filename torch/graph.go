package torch

/*
#include "gotorch.h"
*/
import "C"

import "runtime"

// Graph is work that a CUDA device was given once and repeats by itself: a step of a thousand kernels is one launch.
// PyTorch: torch.cuda.CUDAGraph.
type Graph owned[*C.gt_graph]

func (g *Graph) own() *owned[*C.gt_graph] { return (*owned[*C.gt_graph])(g) }

// Capture runs body, whose work on the scope's CUDA device is kept instead of done. Body must not wait for the device nor
// take anything of the host's, and the scopes that it makes must be closed in it: their tensors are the graph's memory,
// which it shares with beside, another of the same root scope's, or nil. It must have run before, so that what libtorch
// makes at first use is there. generators are all that it draws from. After an error the device and the generators are as
// they were before; gradients that body left must be dropped.
func (s *Scope) Capture(body func(), beside *Graph, generators ...*Generator) (_ *Graph, err error) {
	s.check("capture")
	defer runtime.KeepAlive(generators)
	defer Catch(&err)
	var memory *C.gt_graph
	if beside != nil {
		memory = beside.own().use("capture")
	}
	g := &Graph{C.gt_graph_new(s.h, memory), s}
	if g.h == nil {
		s.fail("capture")
	}
	done := false
	defer func() {
		if !done { // also when body panics
			g.Free()
		}
	}()
	hs := make([]*C.gt_generator, len(generators))
	for i, gen := range generators {
		hs[i] = gen.handle("capture")
	}
	var list **C.gt_generator
	if len(hs) > 0 {
		list = &hs[0]
	}
	s.must("capture", C.gt_graph_begin(s.h, g.h, list, C.int(len(hs))))
	s.asCaptured(body)
	s.check("capture")
	s.must("capture", C.gt_graph_end(s.h, g.h))
	done = true
	return g, nil
}

// Rehearse runs body under the rules of Capture, on any device, and its work is done: what a capture forbids is an error
// that names it. It is how a machine without a CUDA device tells whether a step can be captured.
func (s *Scope) Rehearse(body func()) (err error) {
	s.check("rehearse")
	defer Catch(&err)
	s.asCaptured(body)
	return nil
}

// asCaptured runs body while the calls of s's tree are those of a capture.
func (s *Scope) asCaptured(body func()) {
	root := s.root()
	root.must("capture", C.gt_capturing(root.h, 1))
	defer func() {
		if !root.closed { // body may have closed it
			C.gt_capturing(root.h, 0)
		}
	}()
	body()
}

// Replay has the device do the work again, on what the tensors that body used hold now; generators move on as body would
// move them. It does not wait.
func (g *Graph) Replay() {
	h := g.own().use("replay")
	g.s.must("replay", C.gt_graph_replay(g.s.h, h))
}

// Free waits for the device and releases g and its memory, on the scope's goroutine. A second Free does nothing.
func (g *Graph) Free() { g.own().drop("graph.free", func(h *C.gt_graph) { C.gt_graph_free(h) }) }
