package gan

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
	gen, disc, err := Build(model, model.NewGenerator(1), "dcgan", n)
	require.NoError(t, err)
	adam := torch.AdamOptions{LR: 2e-4, Beta1: .5, Beta2: .999, Eps: 1e-8}
	st := &stepper{
		gen: gen, disc: disc, loss: Objectives["nonsaturating"], draw: draw,
		optG: optim.NewAdam(model, nn.Parameters(gen), adam), optD: optim.NewAdam(model, nn.Parameters(disc), adam),
		meterD: model.FullOf(torch.Float64, 0, placesD+2), meterG: model.FullOf(torch.Float64, 0, placesG+2),
	}
	model.Seal()
	return st
}

// BenchmarkStep is the official step at 64x64, width 64, batch 64, 3 channels; images/s is its figure.
func BenchmarkStep(b *testing.B) {
	root, err := torch.NewScope(torch.Layout(torch.ChannelsLast))
	require.NoError(b, err)
	defer root.Close()
	noise := root.NewGenerator(2)
	st := newStepper(b, root, Network{Size: 64, Channels: 3, Latent: 100, GenWidth: 64, DiscWidth: 64},
		func(s *torch.Scope, n int) torch.Tensor { return s.Randn(noise, n, 100, 1, 1) })
	pixels := make([]byte, 64*64*64*3)
	for i := range pixels {
		pixels[i] = byte(i * 7919)
	}
	for b.Loop() {
		s := root.Child()
		st.step(s, []torch.Tensor{s.Images(pixels, 64, 64, 64, 3)})
		s.Close()
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "images/s")
}
