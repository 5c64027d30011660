package method

import (
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"

	"github.com/stretchr/testify/require"
)

// newStepper builds the official training of a DCGAN in model, and seals it.
func newStepper(t testing.TB, model *torch.Scope, n Network, draw func(*torch.Scope, int) torch.Tensor) *stepper {
	t.Helper()
	gen, disc, err := Build(Builder{model, model.NewGenerator(1), model.NewGenerator(2)}, "dcgan", n)
	require.NoError(t, err)
	adam := torch.AdamOptions{LR: model.FullOf(torch.Float64, 2e-4), Beta1: .5, Beta2: .999, Eps: 1e-8}
	st := &stepper{
		gen: gen, disc: disc, loss: Objectives["nonsaturating"], draw: draw,
		optG: optim.NewAdam(model, nn.Parameters(gen), adam), optD: optim.NewAdam(model, nn.Parameters(disc), adam),
		meterD: model.FullOf(torch.Float64, 0, placesD+2), meterG: model.FullOf(torch.Float64, 0, placesG+2),
	}
	model.Seal()
	return st
}

// residentMiB is the resident memory of this process.
func residentMiB(t testing.TB) float64 {
	t.Helper()
	now, _, err := memoryMiB(torch.CPU)
	require.NoError(t, err)
	return now
}
