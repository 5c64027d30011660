package gan

import (
	"fmt"

	"forger/torch"
)

// OpenDevice resolves a device name: "auto" takes a CUDA device where one can be used and the CPU elsewhere, and says
// why; a device asked for by name that is not there is an error. It must come before the first tensor of the process.
func OpenDevice(name string) (d torch.Device, why string, err error) {
	if err := torch.Load(); err != nil {
		return torch.CPU, "", err
	}
	if name != "auto" {
		d, err = torch.ParseDevice(name)
		if err != nil || !d.CUDA {
			return d, "as asked", err
		}
		n, err := torch.OpenCUDA()
		if err == nil && d.Index >= n {
			err = fmt.Errorf("device %s: this machine has %d: use cuda:0 to cuda:%d", d, n, n-1)
		}
		return d, "as asked", err
	}
	n, err := torch.OpenCUDA()
	if err != nil {
		return torch.CPU, err.Error(), nil
	}
	d = torch.Device{CUDA: true}
	info, err := torch.DescribeCUDA(0)
	if err != nil {
		return torch.CPU, err.Error(), nil
	}
	return d, fmt.Sprintf("%s, the first of %d", info.Name, n), nil
}
