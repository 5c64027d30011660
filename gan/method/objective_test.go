package method

import (
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each objective has the value and the gradients of PyTorch's loss functions on probabilities and scores.
func TestObjectivesAsPyTorch(t *testing.T) {
	var golden struct {
		Objectives map[string][]struct {
			Label, Disc, Gen float64
			DiscGrads        [][]float64 `json:"disc_grads"`
			GenGrad          []float64   `json:"gen_grad"`
		}
	}
	torchtest.Golden(t, "testdata/gans.json", &golden)
	require.Len(t, golden.Objectives, len(objectives))
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, cases := range golden.Objectives {
			o := objectives[name]
			for _, c := range cases {
				logits := func(stream int) torch.Tensor {
					return s.FromDoubles(torchtest.Fill(stream, 7), 7).MulScalar(3).Detach().RequireGrad()
				}
				real, fake := logits(1), logits(2)
				var disc torch.Tensor
				if o.Pair != nil {
					disc = o.Pair(real, fake)
				} else {
					disc = o.Real(real, c.Label).Add(o.Fake(fake))
				}
				assert.InDelta(t, c.Disc, disc.Item(), 1e-12, name)
				for i, g := range torch.Grad(disc, false, real, fake) {
					torchtest.Close(t, c.DiscGrads[i], g.Doubles(), 1e-11, 1e-13, name)
				}
				gen := o.Generator(fake, real.Detach())
				assert.InDelta(t, c.Gen, gen.Item(), 1e-12, name)
				torchtest.Close(t, c.GenGrad, torch.Grad(gen, false, fake)[0].Doubles(), 1e-11, 1e-13, name)
			}
			assert.Equal(t, cases[0].Disc != cases[len(cases)-1].Disc, o.Labels, name)
		}
	}, torch.Of(torch.Float64))
}
