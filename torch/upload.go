package torch

/*
#include "gotorch.h"
*/
import "C"

// Uploader copies batches of images or points to a scope's device beside the work that the device has: on CUDA by way of pinned
// memory and a stream of its own.
type Uploader owned[*C.gt_uploader]

func (u *Uploader) own() *owned[*C.gt_uploader] { return (*owned[*C.gt_uploader])(u) }

// from is the uploader's handle for a call on s, which must be on one line of descent with its scope.
func (u *Uploader) from(op string, s *Scope) *C.gt_uploader {
	s.open(op)
	h := u.own().use(op)
	meet(op, s, u.s)
	return h
}

// NewUploader makes one for batches of at most size bytes. Free it before s is closed.
func (s *Scope) NewUploader(size int) *Uploader {
	s.check("uploader")
	h := C.gt_uploader_new(s.h, C.size_t(size))
	if h == nil {
		s.fail("uploader")
	}
	return &Uploader{h, s}
}

// Send starts the copy of a batch, uint8 [N,H,W,C] or float32 [N,d], little-endian; batch may then be overwritten. Two can
// be on their way. It waits only for the copy of the one before those, which may still read the memory that this one goes
// through.
func (u *Uploader) Send(batch []byte) {
	h := u.own().use("send")
	u.s.must("send", C.gt_uploader_send(u.s.h, h, bytesPtr(batch), C.size_t(len(batch))))
}

// Images is the oldest batch that was sent and not taken yet, as Scope.Images has it, in s. The sizes must be those of the
// batch.
func (u *Uploader) Images(s *Scope, n, h, w, c int) Tensor {
	h0 := u.from("images", s)
	return s.made("images", C.gt_uploader_take(s.h, h0, C.int64_t(n), C.int64_t(h), C.int64_t(w), C.int64_t(c),
		C.int(s.Format())))
}

// Points is the oldest batch that was sent and not taken yet, float32 [n,d], in s.
func (u *Uploader) Points(s *Scope, n, d int) Tensor {
	h := u.from("points", s)
	return s.made("points", C.gt_uploader_take_points(s.h, h, C.int64_t(n), C.int64_t(d)))
}

// Free waits for the copies and releases u. A second Free does nothing.
func (u *Uploader) Free() {
	u.own().drop("uploader.free", func(h *C.gt_uploader) { C.gt_uploader_free(h) })
}
