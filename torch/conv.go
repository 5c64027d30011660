package torch

/*
#include "gotorch.h"
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// SetConv chooses how the CPU computes the float32 convolutions of a DCGAN (k4 s2 p1, and those to or from 1x1): "auto"
// by minimal filtering where that is faster, "fast" wherever it is possible, "stock" by libtorch alone. A name that
// ConvKernel gives is auto with that instruction set, on a processor that has it. The values differ in the last bits, so
// a run that is to be repeated records the choice. It holds for the whole process and is set once, before the first op.
func SetConv(mode string) error {
	if err := Load(); err != nil {
		return err
	}
	name := C.CString(mode)
	defer C.free(unsafe.Pointer(name))
	if C.gt_set_conv(name) != 0 {
		return fmt.Errorf("torch: conv: mode %q: not one of auto, fast, stock, or an instruction set of this processor (%s): choose one of these",
			mode, ConvKernel())
	}
	return nil
}

// ConvKernel is what "auto" comes to on this processor: "avx512", "avx2" or "stock". Load must have succeeded.
func ConvKernel() string { return C.GoString(C.gt_conv_kernel()) }
