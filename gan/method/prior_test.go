package method

import (
	"math"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// Of each prior, as many numbers lie below a quantile as it says, and the mean and deviation are those of its name.
func TestPriorsAreWhatTheySay(t *testing.T) {
	const n = 40_000
	moments := map[string][2]float64{"normal": {0, 1}, "uniform": {0, 1 / math.Sqrt(3)}, "uniform-unit": {0, 1}, "uniform01": {.5, 1 / math.Sqrt(12)}}
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, p := range priors {
			drawn := p.draw(s, s.NewGenerator(1), n/4, 4).Doubles()
			slices.Sort(drawn)
			for _, share := range []float64{.05, .3, .5, .9, .99} {
				below, _ := slices.BinarySearch(drawn, p.quantile(share))
				assert.InDelta(t, share, float64(below)/n, .01, "%s: %v", name, share)
			}
			var sum, squares float64
			for _, x := range drawn {
				sum, squares = sum+x, squares+x*x
			}
			mean := sum / n
			assert.InDelta(t, moments[name][0], mean, .02, name)
			assert.InDelta(t, moments[name][1], math.Sqrt(squares/n-mean*mean), .02, name)
		}
	})
}
