//go:build turbojpeg && cgo

package vision

/*
// The static archive, so that the program runs where the library is not; systems without one give the second tag.
#cgo !turbojpeg_shared LDFLAGS: -l:libturbojpeg.a
#cgo turbojpeg_shared LDFLAGS: -lturbojpeg
#cgo CFLAGS: -O3
#cgo noescape forger_jpeg_decode
#cgo nocallback forger_jpeg_decode
#cgo noescape forger_across_flat
#cgo nocallback forger_across_flat
#cgo noescape forger_down_flat
#cgo nocallback forger_down_flat
#include "resize_simd.h"
#include <stdio.h>
#include <stdlib.h>
#include <turbojpeg.h>
#if __has_include(<jconfig.h>) // turbojpeg.h does not say its version
#include <jconfig.h>
#endif
#define FORGER_TEXT(x) #x
#define FORGER_STRING(x) FORGER_TEXT(x)
#if defined(LIBJPEG_TURBO_VERSION)
#define FORGER_VERSION FORGER_STRING(LIBJPEG_TURBO_VERSION)
#elif defined(TJ_NUMINIT)
#define FORGER_VERSION "3"
#else
#define FORGER_VERSION "2"
#endif

typedef struct {
	tjhandle handle;
	int error;      // of enum TJERR
	char text[256]; // what it said
} forger_jpeg;

static forger_jpeg *forger_jpeg_new(void) {
	forger_jpeg *j = calloc(1, sizeof *j);
	if (j && !(j->handle = tjInitDecompress())) {
		free(j);
		j = NULL;
	}
	return j;
}

static void forger_jpeg_free(forger_jpeg *j) {
	tjDestroy(j->handle);
	free(j);
}

// TurboJPEG keeps the text of an error per OS thread, and a goroutine's next call may come from another one.
static int forger_jpeg_decode(forger_jpeg *j, const unsigned char *file, unsigned long n, unsigned char *pixels,
                              int width, int height, int channels, int format) {
	if (tjDecompress2(j->handle, file, n, pixels, width, width * channels, height, format, TJFLAG_LIMITSCANS) == 0)
		return 0;
	j->error = tjGetErrorCode(j->handle);
	snprintf(j->text, sizeof j->text, "%s", tjGetErrorStr2(j->handle));
	return -1;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// Decoder names what reads JPEG files: decoders differ in their last bits, so a run records it.
const Decoder = "libjpeg-turbo " + C.FORGER_VERSION

// turbo is a TurboJPEG decompressor, which one goroutine at a time may use.
type turbo struct{ c *C.forger_jpeg }

// turbos keeps them between images; what the garbage collector takes out of it is freed.
var turbos = sync.Pool{New: func() any {
	t := &turbo{c: C.forger_jpeg_new()}
	if t.c != nil {
		runtime.AddCleanup(t, func(c *C.forger_jpeg) { C.forger_jpeg_free(c) }, t.c)
	}
	return t
}}

// scans decodes the pixels, shrunk where that is asked for.
func (r *Reader) scans(file []byte, h jpegHeader, size int) (picture, error) {
	t := turbos.Get().(*turbo)
	if t.c == nil {
		return picture{}, errors.New("jpeg: no memory for a TurboJPEG decompressor")
	}
	defer turbos.Put(t)
	shrink := r.shrinkage(h, size)
	width, height := (h.width+shrink-1)/shrink, (h.height+shrink-1)/shrink
	format, channels := C.int(C.TJPF_RGB), h.components
	switch h.components {
	case 1:
		format = C.TJPF_GRAY
	case 4:
		format = C.TJPF_CMYK
	}
	p := r.blank(height, width, channels)
	p.fileHeight, p.fileWidth, p.shrunk = h.height, h.width, shrink
	// TurboJPEG reads the size again and refuses to write more than is said here.
	code := C.forger_jpeg_decode(t.c, (*C.uchar)(unsafe.Pointer(&file[0])), C.ulong(len(file)),
		(*C.uchar)(unsafe.Pointer(&p.Pix[0])), C.int(width), C.int(height), C.int(channels), format)
	if code != 0 {
		if err := r.judge(t, file, h); err != nil {
			return picture{}, err
		}
	}
	if channels == 4 {
		for i := range width * height {
			s := p.Pix[4*i : 4*i+4] // as Adobe's programs write it: what is left of the paper
			ink(p.Pix[3*i:], 255-s[0], 255-s[1], 255-s[2], 255-s[3])
		}
		p.Pix, p.Channels = p.Pix[:3*width*height], 3
	}
	return p, nil
}

// shrinkage is the largest of 1, 2, 4 and 8 that leaves clearly more pixels than Fit needs: its own filter has to do the
// rest, since dropping frequencies alone looks different. The margin keeps the mean difference below 2 of 255.
func (r *Reader) shrinkage(h jpegHeader, size int) int {
	if !r.options.FastDecode || size == 0 {
		return 1
	}
	side := min(h.width, h.height)
	if r.options.CropBefore > 0 {
		side = min(side, r.options.CropBefore)
	}
	for _, by := range []int{8, 4, 2} {
		if side/by-size >= max(16, size/3) {
			return by
		}
	}
	return 1
}

// forgiven are libjpeg's warnings about files whose pixels are whole.
var forgiven = []string{"extraneous bytes before marker", "unknown JFIF revision", "Unknown Adobe color transform"}

// judge decides about a file that made libjpeg complain. libjpeg fills what is missing with gray and reports no more than
// its first warning, so a file it complains about is taken only when that warning is harmless and Go's decoder, which
// stops at the first damage, reads the file to its end.
func (r *Reader) judge(t *turbo, file []byte, h jpegHeader) error {
	text := strings.TrimSpace(C.GoString(&t.c.text[0]))
	if t.c.error == C.TJERR_WARNING {
		for _, harmless := range forgiven {
			if strings.Contains(text, harmless) {
				_, err := NewReader(r.options).scansInGo(file, h)
				return err
			}
		}
	}
	if strings.Contains(text, "Premature end of JPEG file") {
		return errTruncated
	}
	return fmt.Errorf("jpeg: %s: the file is damaged", strings.ReplaceAll(text, "\n", " "))
}

// The border of the resize is here too: this is the one file of the package that calls C.

// acrossInC is acrossInGo, and needs a row and a column at least.
func acrossInC(dst, src []byte, stride, rows int, k *kernel, c int) {
	C.forger_across_flat(bytePtr(dst), bytePtr(src), C.ptrdiff_t(stride), C.ptrdiff_t(rows), sizePtr(k.bounds), (*C.int32_t)(&k.weights[0]),
		C.ptrdiff_t(k.ksize), C.ptrdiff_t(k.span.count), C.int(c), C.ptrdiff_t(len(src)))
}

// downInC is downInGo, and needs a row and a column at least.
func downInC(dst, src []byte, stride int, k *kernel) {
	C.forger_down_flat(bytePtr(dst), bytePtr(src), C.ptrdiff_t(stride), sizePtr(k.bounds), (*C.int32_t)(&k.weights[0]), C.ptrdiff_t(k.ksize),
		C.ptrdiff_t(k.span.count))
}

func bytePtr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func sizePtr(b []int) *C.ptrdiff_t { return (*C.ptrdiff_t)(unsafe.Pointer(unsafe.SliceData(b))) }
