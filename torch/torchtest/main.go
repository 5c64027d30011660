package torchtest

import (
	"os"
	"testing"

	"forger/torch"
)

// Main is what TestMain does in a package whose tests use tensors: CUDA is opened before the first of them, as a program
// does it, for libtorch looks for it once.
func Main(m *testing.M) {
	if _, err := torch.OpenCUDA(); err == nil {
		if err := exact(); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// exact has float32 products computed in float32, which libtorch leaves to TF32 in cuDNN's convolutions.
func exact() error {
	_, err := torch.SetMath(torch.Math{})
	return err
}
