//go:build turbojpeg && cgo

package vision

/*
#cgo CFLAGS: -O3
#include "resize_simd.h"

// Here the structs are made, so that Go hands over no pointers to pointers.
static void across(uint8_t *out, const uint8_t *in, ptrdiff_t stride, ptrdiff_t rows, const ptrdiff_t *bounds,
                   const int32_t *weights, ptrdiff_t ksize, ptrdiff_t count, int c, ptrdiff_t size) {
  struct axis a = {bounds, weights, ksize, count};
  forger_across(out, in, stride, rows, &a, c, in + size);
}
static void down(uint8_t *out, const uint8_t *in, ptrdiff_t stride, const ptrdiff_t *bounds, const int32_t *weights,
                 ptrdiff_t ksize, ptrdiff_t count) {
  struct axis a = {bounds, weights, ksize, count};
  forger_down(out, in, stride, &a);
}
#cgo noescape across
#cgo nocallback across
#cgo noescape down
#cgo nocallback down
*/
import "C"

import "unsafe"

// across is the horizontal pass over rows of src, stride bytes apart, in C where that is built in.
func across(dst, src []byte, stride, rows int, k *kernel, c int) {
	if rows == 0 || k.span.count == 0 {
		return
	}
	if k.span.identity() { // a copy
		acrossInGo(dst, src, stride, rows, k, c)
		return
	}
	C.across(bytePtr(dst), bytePtr(src), C.ptrdiff_t(stride), C.ptrdiff_t(rows), sizePtr(k.bounds), (*C.int32_t)(&k.weights[0]),
		C.ptrdiff_t(k.ksize), C.ptrdiff_t(k.span.count), C.int(c), C.ptrdiff_t(len(src)))
}

// down is the vertical pass; src begins at the first row that is read.
func down(dst, src []byte, stride int, k *kernel) {
	if k.span.count == 0 || stride == 0 {
		return
	}
	C.down(bytePtr(dst), bytePtr(src), C.ptrdiff_t(stride), sizePtr(k.bounds), (*C.int32_t)(&k.weights[0]), C.ptrdiff_t(k.ksize),
		C.ptrdiff_t(k.span.count))
}

func bytePtr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func sizePtr(b []int) *C.ptrdiff_t { return (*C.ptrdiff_t)(unsafe.Pointer(unsafe.SliceData(b))) }
