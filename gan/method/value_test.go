package method

import (
	"math"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// A discriminator that has learnt says p/(p+q), and the value of the game is then -log 4 + 2 JSD(p || q) (Goodfellow et al. 2014,
// theorem 1): -log 4 where both are N(0,1). JSD and D* of the others are scipy's, by integrate.quad and stats.norm.
func TestTheValueOfTheGameIsADivergence(t *testing.T) {
	const updates, batch = 300, 256
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, is := range []struct{ mean, jsd, atHalf, at2 float64 }{
			{0, 0, .5, .5}, {1, .111421, .500000, .182426}, {3, .526777, .952574, .182426},
		} {
			top := s.Child()
			var o Options
			o.Settings().Reset()
			o.Model = model.Options{Name: "toy", Latent: 1, GenWidth: 1, DiscWidth: 32, Depth: 2}
			o.Loss, o.LR, o.Beta1 = "minimax", 3e-3, .9
			g := build(t, top, o, data.Shape{Points: 1}, batch)
			r := top.NewGenerator(1)
			for i := range updates {
				if i == updates/2 {
					g.sumsD.Fill(0)
				}
				c := top.Child()
				g.trainDisc(c, Batch{X: c.Randn(r, batch, 1)}, c.Randn(r, batch, 1).AddScalar(is.mean), 0)
				c.Close()
			}
			value := -g.sumsD.Doubles()[0] / (updates / 2)
			assert.InDelta(t, -math.Log(4)+2*is.jsd, value, .02, "the mean is off by %v", is.mean)
			c := top.Child()
			said := g.disc.Forward(c.FromFloats([]float32{.5, 2}, 2, 1)).Sigmoid().Doubles()
			assert.InDelta(t, is.atHalf, said[0], .05)
			assert.InDelta(t, is.at2, said[1], .05)
			top.Close()
		}
	}, torch.Threads(1))
}
