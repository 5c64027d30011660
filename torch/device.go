package torch

import (
	"fmt"
	"strconv"
	"strings"
)

// Device is where a tensor lives. The zero value is the CPU.
type Device struct {
	CUDA  bool
	Index int
}

// CPU is the host.
var CPU = Device{}

func (d Device) String() string {
	if d.CUDA {
		return fmt.Sprintf("cuda:%d", d.Index)
	}
	return "cpu"
}

func (d Device) kind() int32 {
	if d.CUDA {
		return 1
	}
	return 0
}

// ParseDevice reads "cpu", "cuda" or "cuda:N".
func ParseDevice(s string) (Device, error) {
	switch {
	case s == "cpu":
		return CPU, nil
	case s == "cuda":
		return Device{CUDA: true}, nil
	case strings.HasPrefix(s, "cuda:"):
		n, err := strconv.Atoi(s[len("cuda:"):])
		if err == nil && n >= 0 && n < 128 {
			return Device{CUDA: true, Index: n}, nil
		}
	}
	return CPU, fmt.Errorf("torch: device %q: unknown: use cpu, cuda or cuda:N", s)
}

// there opens CUDA. The error says why d, a CUDA device, cannot be used.
func (d Device) there() error {
	n, err := OpenCUDA()
	if err == nil && (d.Index < 0 || d.Index >= n) {
		err = fmt.Errorf("torch: device %s: this machine has %d: use cuda:0 to cuda:%d", d, n, n-1)
	}
	return err
}
