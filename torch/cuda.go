package torch

/*
#include "gotorch.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// cuda remembers why CUDA is not to be had, or how many devices there are.
var cuda struct {
	once  sync.Once
	count int
	why   error
}

// OpenCUDA makes the CUDA devices usable and returns how many there are. It must come before the first tensor of the
// process: libtorch asks once whether CUDA is there, and keeps the answer. The error names what is missing and its
// remedy: no driver, no device, CUDA libraries not installed, a driver that is too old.
func OpenCUDA() (int, error) {
	if err := Load(); err != nil {
		return 0, err
	}
	cuda.once.Do(func() { cuda.count, cuda.why = openCUDA() })
	return cuda.count, cuda.why
}

func openCUDA() (int, error) {
	var version C.int
	switch C.gt_cuda_driver(&version) {
	case 1:
		return 0, fmt.Errorf("torch: cuda: no NVIDIA driver on this machine (libcuda.so.1): install it, or use --device cpu")
	case 2:
		return 0, fmt.Errorf("torch: cuda: the NVIDIA driver (%s) finds no device: check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu",
			cudaVersion(version))
	}
	why := make([]byte, 1024)
	cwhy := (*C.char)(unsafe.Pointer(&why[0]))
	if C.gt_cuda_open(cwhy, C.size_t(len(why))) != 0 {
		return 0, fmt.Errorf("torch: cuda: the CUDA libraries cannot be opened: %s: install the full libtorch with scripts/setup and build again, or use --device cpu",
			oneLine(cString(why)))
	}
	n := int(C.gt_cuda_count(cwhy, C.size_t(len(why))))
	if n == 0 {
		return 0, fmt.Errorf("torch: cuda: the NVIDIA driver (%s) cannot be used: %s: update the driver, or use --device cpu",
			cudaVersion(version), oneLine(cString(why)))
	}
	return n, nil
}

func cudaVersion(v C.int) string { return fmt.Sprintf("CUDA %d.%d", v/1000, v%1000/10) }

// DeviceInfo describes a CUDA device.
type DeviceInfo struct {
	Name         string
	TotalBytes   int64
	Major, Minor int // compute capability
}

// DescribeCUDA describes device index.
func DescribeCUDA(index int) (DeviceInfo, error) {
	if _, err := OpenCUDA(); err != nil {
		return DeviceInfo{}, err
	}
	var info C.gt_cuda_info
	if C.gt_cuda_describe(C.int(index), &info) != 0 {
		return DeviceInfo{}, fmt.Errorf("torch: cuda: device %d cannot be read: check nvidia-smi", index)
	}
	return DeviceInfo{
		Name: C.GoString(&info.name[0]), TotalBytes: int64(info.total_bytes),
		Major: int(info.major), Minor: int(info.minor),
	}, nil
}

// Memory is what libtorch's CUDA allocator holds, in bytes.
type Memory struct{ Allocated, Peak, Reserved int64 }

// CUDAMemory reads the allocator of device index.
func CUDAMemory(index int) (Memory, error) {
	if _, err := OpenCUDA(); err != nil {
		return Memory{}, err
	}
	var m C.gt_memory
	if C.gt_cuda_memory(C.int(index), &m) != 0 {
		return Memory{}, fmt.Errorf("torch: cuda: the allocator of device %d cannot be read", index)
	}
	return Memory{int64(m.allocated), int64(m.peak), int64(m.reserved)}, nil
}

// ResetPeak makes the allocator's peak its present use.
func ResetPeak(index int) error {
	if _, err := OpenCUDA(); err != nil {
		return err
	}
	if C.gt_cuda_reset_peak(C.int(index)) != 0 {
		return fmt.Errorf("torch: cuda: the allocator of device %d cannot be reset", index)
	}
	return nil
}
