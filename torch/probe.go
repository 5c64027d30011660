package torch

import "fmt"

// Report is what a machine has of what this package needs.
type Report struct {
	ShimPath        string // libgotorch.so, where it was found
	ShimError       string // why it could not be opened, and the remedy
	LibtorchVersion string
	BuiltFor        string // the libtorch that the shim was built for
	Threads         int
	Conv            ConvKernels // the best for this processor
	CUDA            struct {
		Available bool
		Why       string   // why not, and the remedy
		Devices   []string // "cuda:0 NVIDIA H200, 140 GiB, compute capability 9.0"
	}
}

// Probe looks; nothing fails.
func Probe() Report {
	var r Report
	_, err := OpenCUDA()
	r.ShimPath = library.path
	if library.err != nil {
		r.ShimError = library.err.Error()
		return r
	}
	r.LibtorchVersion, r.BuiltFor, r.Threads, r.Conv = Version(), library.builtFor, DefaultThreads(), BestConv()
	if err != nil {
		r.CUDA.Why = err.Error()
		return r
	}
	r.CUDA.Available = true
	for i := range cuda.count {
		info, err := DescribeCUDA(i)
		if err != nil {
			r.CUDA.Devices = append(r.CUDA.Devices, err.Error())
			continue
		}
		r.CUDA.Devices = append(r.CUDA.Devices, fmt.Sprintf("cuda:%d %s, %d GiB, compute capability %d.%d",
			i, info.Name, info.TotalBytes>>30, info.Major, info.Minor))
	}
	return r
}
