// Package torchtest helps tests that use tensors: devices, scopes that must end as they began, tolerances.
package torchtest

import (
	"math"
	"testing"

	"forger/torch"

	"github.com/stretchr/testify/require"
)

// Devices runs body over the CPU and, where there is one, a CUDA device. Each run has a root scope, and the number of
// live tensors in it must return to what it was. Products are exact. The options are the scope's.
func Devices(t *testing.T, body func(t *testing.T, s *torch.Scope), options ...torch.Option) {
	t.Helper()
	n, err := torch.OpenCUDA()
	t.Run("cpu", func(t *testing.T) { inScope(t, torch.CPU, body, options...) })
	t.Run("cuda", func(t *testing.T) {
		if n == 0 {
			t.Skip("no CUDA device: " + err.Error())
		}
		inScope(t, torch.Device{CUDA: true}, body, options...)
	})
}

// CPU runs body on the CPU alone.
func CPU(t *testing.T, body func(t *testing.T, s *torch.Scope), options ...torch.Option) {
	t.Helper()
	inScope(t, torch.CPU, body, options...)
}

func inScope(t *testing.T, d torch.Device, body func(t *testing.T, s *torch.Scope), options ...torch.Option) {
	t.Helper()
	require.NoError(t, exact()) // a test before may have trained in TF32
	root, err := torch.NewScope(append([]torch.Option{torch.On(d)}, options...)...)
	require.NoError(t, err)
	defer root.Close()
	before := root.Live()
	s := root.Child()
	body(t, s)
	s.Close()
	require.Equal(t, before, root.Live(), "tensors outlived their scope")
}

// Close requires |got-want| <= atol + rtol*|want| in each place, with no NaN anywhere.
func Close(t *testing.T, want, got []float64, rtol, atol float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	worst, at := 0.0, -1
	for i := range want {
		excess := math.Abs(got[i]-want[i]) - atol - rtol*math.Abs(want[i])
		if !(excess <= 0) && (at < 0 || excess > worst || math.IsNaN(excess)) {
			worst, at = excess, i
		}
	}
	if at >= 0 {
		require.Failf(t, "values differ", "%s: at %d of %d: want %v, got %v", what, at, len(want), want[at], got[at])
	}
}

// Error runs f, which must panic with a *torch.Error, and returns it.
func Error(t *testing.T, f func()) *torch.Error {
	t.Helper()
	var err error
	func() {
		defer torch.Catch(&err)
		f()
	}()
	var e *torch.Error
	require.ErrorAs(t, err, &e)
	return e
}
