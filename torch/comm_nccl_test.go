package torch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openNCCL drives NCCL until it needs a device: the library, its version, and what rank 0 gives the others.
func openNCCL() string {
	_, _ = torch.OpenCUDA() // a stand-in's, which fails once the CUDA library is open
	c, word, err := torch.NewCommAlone("nccl", "", torch.Device{CUDA: true}, 0, 1, time.Second)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return fmt.Sprint(len(word), " bytes, ", slices.Max(word) > 0, ", ", c.Check())
}

// NCCL is opened by its name, of the wheels or the system's, and gives an id; nobody has joined.
func TestNCCLOpens(t *testing.T) {
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_cuda.so")); err != nil {
		t.Skip("NOT TESTED: libgotorch_cuda.so was not built here: CUDA's headers or libraries are missing")
	}
	if n, _ := torch.OpenCUDA(); n > 0 {
		t.Skip("this machine has a CUDA device: TestNCCLInACapturedStep has it")
	}
	dir := t.TempDir()
	library(t, dir, "libcuda.so.1", driver(0, 13000, 1))
	said := child(t, "nccl", dir, "FORGER_LIB="+libraries(t), "LD_LIBRARY_PATH="+dir)
	assert.Equal(t, "128 bytes, true, torch: comm.check: it was given up, or never joined", said)
}

// On a device, a world of one in a captured step gives the bits that no world gives.
func TestNCCLInACapturedStep(t *testing.T) {
	s := cuda(t)
	c, err := torch.NewComm("nccl", torch.Device{CUDA: true}, 0, 1, newMeeting(), time.Minute)
	require.NoError(t, err)
	defer c.Close()
	x, w := s.Randn(s.NewGenerator(1), 64), s.Randn(s.NewGenerator(2), 64).RequireGrad()
	out := s.Zeros(64)
	body := func(joined bool) func() {
		return func() {
			in := s.Child()
			defer in.Close()
			y := in.Use(x).Mul(w)
			if joined {
				y = c.Total(y)
			}
			y.Pow(2).Sum().Backward(w)
			if joined {
				c.SumGradients([]torch.Tensor{w}, 1)
			}
			out.CopyFrom(in.Gradient(w))
			in.ZeroGrad([]torch.Tensor{w})
		}
	}
	body(false)()
	want := out.Doubles()
	body(true)()
	assert.Equal(t, want, out.Doubles(), "eager")
	g, err := s.Capture(body(true), nil)
	require.NoError(t, err)
	defer g.Free()
	out.Fill(0)
	g.Replay()
	assert.Equal(t, want, out.Doubles(), "replayed")
	bytes := s.FromBytes([]byte{1, 2}, torch.Uint8, 2)
	c.Broadcast(bytes, 0)
	assert.Equal(t, []byte{1, 2}, bytes.Bytes())
	assert.NoError(t, c.Check())
	c.Abort()
	var e *torch.Error
	require.ErrorAs(t, c.Check(), &e)
	assert.Equal(t, torch.PeerLost, e.Code)
}
