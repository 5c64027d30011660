//go:build turbojpeg && cgo

package vision

/*
#cgo CFLAGS: -O3
#include "resize_simd.h"


static void across(uint8_t *out, const uint8_t *in, long stride, long rows, const long *bounds, const int32_t *weights, long ksize,
                   long count, int c, long size) {
  struct axis a = {bounds, weights, ksize, count};
  forger_across(out, in, stride, rows, &a, c, in + size);
}
static void down(uint8_t *out, const uint8_t *in, long stride, const long *bounds, const int32_t *weights, long ksize, long count) {
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
	C.across(bytePtr(dst), bytePtr(src), C.long(stride), C.long(rows), (*C.long)(unsafe.Pointer(&k.bounds[0])),
		(*C.int32_t)(&k.weights[0]), C.long(k.ksize), C.long(k.span.count), C.int(c), C.long(len(src)))
}

// down is the vertical pass; src begins at the first row that is read.
func down(dst, src []byte, stride int, k *kernel) {
	if k.span.count == 0 || stride == 0 {
		return
	}
	C.down(bytePtr(dst), bytePtr(src), C.long(stride), (*C.long)(unsafe.Pointer(&k.bounds[0])), (*C.int32_t)(&k.weights[0]),
		C.long(k.ksize), C.long(k.span.count))
}

func bytePtr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
