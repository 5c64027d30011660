package torch

/*
#include <stdlib.h>
#include "gotorch.h"
*/
import "C"

import "unsafe"

// Event is a moment on a scope's device: when the work queued before it is done. On the CPU it is the clock's.
// PyTorch: torch.cuda.Event(enable_timing=True).
type Event owned[*C.gt_event]

func (e *Event) own() *owned[*C.gt_event] { return (*owned[*C.gt_event])(e) }

// Event marks the present end of the device's queue. The caller frees it.
func (s *Scope) Event() *Event {
	s.check("event")
	h := C.gt_event_new(s.h)
	if h == nil {
		s.fail("event")
	}
	return &Event{h, s}
}

// Milliseconds is the time from e to later. It waits for the device.
func (e *Event) Milliseconds(later *Event) float64 {
	var ms C.double
	from, to := e.own().use("event"), later.own().use("event")
	e.s.must("event", C.gt_event_between(e.s.h, from, to, &ms))
	return float64(ms)
}

// Free releases e. A second Free does nothing.
func (e *Event) Free() { e.own().drop("event.free", func(h *C.gt_event) { C.gt_event_free(h) }) }

// PeakBytes runs body and returns the bytes that tensors took at most meanwhile, beyond those taken before, as libtorch's
// allocators count: on the CPU the tensors of s's tree, on CUDA all that is on the device. Memory that kernels take and
// give back by themselves, such as oneDNN's, is no tensor. Body should keep what was there before: to free it counts for
// nothing on the CPU, and libtorch warns of it. With the batch the peak can come to lie at another operation, and its line
// becomes steeper there.
func (s *Scope) PeakBytes(body func()) (bytes int64) {
	s.check("peak_bytes")
	root := s.root()
	root.must("peak_bytes", C.gt_peak_begin(root.h))
	defer func() { // also when body panics
		if !root.closed {
			C.gt_peak_end(root.h, (*C.int64_t)(&bytes))
		}
	}()
	body()
	return 0
}

// StartTrace begins to record every operation of this process, on the host and on the scope's device.
// PyTorch: torch.profiler.
func (s *Scope) StartTrace() {
	s.check("trace")
	s.must("trace", C.gt_trace_start(s.h))
}

// StopTrace writes what was recorded to path, as a trace that chrome://tracing and Perfetto show.
func (s *Scope) StopTrace(path string) {
	s.check("trace")
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	s.must("trace", C.gt_trace_stop(s.h, p))
}

// Span names what happens until the function it returns is called, for a trace. Spans nest; a second call does nothing.
func (s *Scope) Span(name string) (end func()) {
	s.check("span")
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	h := C.gt_span_new(s.h, n)
	if h == nil {
		s.fail("span")
	}
	span := owned[*C.gt_span]{h, s}
	return func() { span.drop("span", func(h *C.gt_span) { C.gt_span_free(h) }) }
}
