package method

import (
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/internal/machine"
	"forger/torch"

	"github.com/stretchr/testify/require"
)

// newStepper builds the official training of a DCGAN in s, with noise drawn by draw where it is given, and seals it.
func newStepper(t testing.TB, s *torch.Scope, o model.Options, of data.Shape, loss string, draw func(*torch.Scope, int) torch.Tensor) *gan {
	t.Helper()
	b := model.NewBuilder(s, 1)
	var all Options
	all.Settings().Reset()
	all.Model, all.Loss = o, loss
	g, ok := newGAN(b, all, ganNets(b, all, of), parityBatch).(*gan)
	require.True(t, ok)
	if draw != nil {
		g.draw = draw
	}
	s.Seal()
	return g
}

// residentMiB is the resident memory of this process.
func residentMiB(t testing.TB) float64 {
	t.Helper()
	now, _, err := machine.Resident()
	require.NoError(t, err)
	return float64(now) / (1 << 20)
}
