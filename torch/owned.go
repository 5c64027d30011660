package torch

// owned is a handle that its caller frees: an event, a graph, an uploader, a span.
type owned[H comparable] struct {
	h H // C's pointer
	s *Scope
}

// use is the handle for a call on its scope.
func (o *owned[H]) use(op string) H {
	if o == nil || o.s == nil {
		misuse(op, NotInitialised, "it was never made")
	}
	o.s.check(op)
	var none H
	if o.h == none {
		misuse(op, Released, "it was freed before")
	}
	return o.h
}

// drop frees the handle, on the scope's goroutine; a second time does nothing.
func (o *owned[H]) drop(op string, free func(H)) {
	var none H
	if o == nil || o.h == none {
		return
	}
	if !o.s.closed {
		o.s.here(op)
	}
	free(o.h)
	o.h = none
}
