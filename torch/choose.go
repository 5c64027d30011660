package torch

import "fmt"

// OpenDevice resolves a device name: "auto" takes a CUDA device where one can be used and the CPU elsewhere, and says
// why; a device asked for by name that is not there is an error. It must come before the first tensor of the process.
func OpenDevice(name string) (d Device, why string, err error) {
	if err := Load(); err != nil {
		return CPU, "", err
	}
	if name != "auto" {
		d, err = ParseDevice(name)
		if err != nil || !d.CUDA {
			return d, "as asked", err
		}
		n, err := OpenCUDA()
		if err == nil && d.Index >= n {
			err = fmt.Errorf("device %s: this machine has %d: use cuda:0 to cuda:%d", d, n, n-1)
		}
		return d, "as asked", err
	}
	n, err := OpenCUDA()
	if err != nil {
		return CPU, err.Error(), nil
	}
	d = Device{CUDA: true}
	info, err := DescribeCUDA(0)
	if err != nil {
		return CPU, err.Error(), nil
	}
	return d, fmt.Sprintf("%s, the first of %d", info.Name, n), nil
}
