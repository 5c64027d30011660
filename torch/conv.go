package torch

/*
#include "gotorch.h"
*/
import "C"

// ConvKernels names who computes the convolutions of a DCGAN (k4 s2 p1, and those to or from 1x1) in float32 on the CPU:
// libtorch, or kernels of ours for an instruction set. Their values differ in the last bits.
type ConvKernels int

// The sets of kernels, each faster than those before it.
const (
	ConvStock  ConvKernels = C.GT_CONV_STOCK
	ConvAVX2   ConvKernels = C.GT_CONV_AVX2
	ConvAVX512 ConvKernels = C.GT_CONV_AVX512
)

var convNames = map[ConvKernels]string{ConvStock: "stock", ConvAVX2: "avx2", ConvAVX512: "avx512"}

func (k ConvKernels) String() string { return convNames[k] }

// ConvKernelsNamed is the set that String calls so.
func ConvKernelsNamed(name string) (k ConvKernels, ok bool) {
	for k, n := range convNames {
		if n == name {
			return k, true
		}
	}
	return 0, false
}

// BestConv is the fastest set that this processor runs (and $ATEN_CPU_CAPABILITY allows), and a root scope's without
// Convolutions; ConvStock where Load fails.
func BestConv() ConvKernels {
	_ = Load()
	return library.conv
}

// Convolutions chooses a set, at most BestConv: for the shapes where it is faster, or always, for all that it can
// compute. What it leaves over is libtorch's.
func Convolutions(k ConvKernels, always bool) Option {
	return func(s *settings) {
		s.conv = int(k)
		if always && k != ConvStock {
			s.conv |= C.GT_CONV_ALWAYS
		}
	}
}
