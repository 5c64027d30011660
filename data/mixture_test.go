package data

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// points are the first n of an epoch, a row each.
func points(t *testing.T, ds Dataset, epoch, n int) [][]float64 {
	t.Helper()
	dst := make([]byte, ds.Shape().Bytes())
	all := make([][]float64, n)
	for i := range all {
		require.NoError(t, ds.Read(epoch, i, dst))
		for k := range ds.Shape().Points {
			all[i] = append(all[i], float64(math.Float32frombits(binary.LittleEndian.Uint32(dst[4*k:]))))
		}
	}
	return all
}

// A toy's points are drawn from the mixture that it says: of each mode, mean and variance in each direction, and none
// with the other.
func TestToysAreDrawnFromTheirMixtures(t *testing.T) {
	for spec, want := range map[string]struct {
		modes, dims int
		first       []float64
		sd          float64
	}{"gaussian1d": {1, 1, []float64{0}, 1}, "ring8": {8, 2, []float64{1, 0}, .01}, "grid25": {25, 2, []float64{-4, -4}, .05}} {
		m := MixtureOf(spec)
		require.Len(t, m.Means, want.modes, spec)
		assert.Equal(t, want.first, m.Means[0], spec)
		assert.Equal(t, want.sd, m.SD, spec)
		ds := opened(t, spec, Options{Seed: 3})
		assert.Equal(t, 100_000, ds.Len(), spec)
		assert.Equal(t, Shape{Points: want.dims}, ds.Shape(), spec)
		all := points(t, ds, 1, ds.Len())
		for mode, mean := range m.Means {
			n, sums, squares, product := 0.0, make([]float64, want.dims), make([]float64, want.dims), 0.0
			for i := mode; i < len(all); i += want.modes {
				n, product = n+1, product+1
				for k := range want.dims {
					z := (all[i][k] - mean[k]) / want.sd
					sums[k], squares[k] = sums[k]+z, squares[k]+z*z
				}
				product += (all[i][0]-mean[0])/want.sd*(all[i][want.dims-1]-mean[want.dims-1])/want.sd - 1
			}
			for k := range want.dims {
				assert.InDelta(t, 0, sums[k]/n, 4/math.Sqrt(n), "%s: mean of mode %d", spec, mode)
				assert.InDelta(t, 1, squares[k]/n, 4*math.Sqrt(2/n), "%s: variance of mode %d", spec, mode)
			}
			if want.dims == 2 {
				assert.InDelta(t, 0, product/n, 4/math.Sqrt(n), "%s: covariance of mode %d", spec, mode)
			}
		}
	}
	assert.Nil(t, MixtureOf("glyphs"))
	assert.Nil(t, MixtureOf("nothing"))
	assert.Equal(t, [][]float64{{-2, 4}, {4, 4}}, [][]float64{grid25.Means[21], grid25.Means[24]})
	assert.InDelta(t, math.Sqrt(.5), ring8.Means[1][1], 1e-15)
}

// The numbers of gaussian1d are normal: their largest distance from the distribution function is one that chance leaves
// (Kolmogorov's 1.95 at a level of .001).
func TestGaussian1dIsNormal(t *testing.T) {
	var all []float64
	for _, p := range points(t, opened(t, "gaussian1d", Options{Seed: 8}), 0, 100_000) {
		all = append(all, p[0])
	}
	slices.Sort(all)
	worst := 0.0
	for i, x := range all {
		worst = max(worst, math.Abs(math.Erfc(-x/math.Sqrt2)/2-(float64(i)+.5)/float64(len(all))))
	}
	assert.Less(t, worst*math.Sqrt(float64(len(all))), 1.95)
}

// The known answers, against scipy.stats.norm.
func TestAnswersOfAMixture(t *testing.T) {
	for p, want := range map[float64]float64{.02: -2.053748910631823, .5: 0, .975: 1.959963984540054} {
		assert.InDelta(t, want, gaussian1d.Quantile(p), 1e-12)
	}
	assert.InDelta(t, .3989422804014327, gaussian1d.Density(0), 1e-15)
	assert.InDelta(t, .05399096651318806, gaussian1d.Density(-2), 1e-15)
	two := &Mixture{Means: [][]float64{{-1}, {3}}, SD: .5} // (norm.pdf(0, -1, .5) + norm.pdf(0, 3, .5)) / 2
	assert.InDelta(t, .053990972589070915, two.Density(0), 1e-15)
}

// A point is a function of seed, epoch and place; its label of the place alone.
func TestAToyIsAFunctionOfSeedEpochAndPlace(t *testing.T) {
	a, b := opened(t, "ring8", Options{Seed: 1}), opened(t, "ring8", Options{Seed: 2})
	assert.Equal(t, points(t, a, 4, 50), points(t, opened(t, "ring8", Options{Seed: 1}), 4, 50))
	assert.NotEqual(t, points(t, a, 4, 1), points(t, a, 5, 1))
	assert.NotEqual(t, points(t, a, 4, 1), points(t, b, 4, 1))
	assert.NotEqual(t, a.Fingerprint(), b.Fingerprint())
	assert.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, a.Classes())
	assert.Equal(t, 3, a.Label(11))
	assert.Equal(t, -1, opened(t, "gaussian1d", Options{}).Label(11))
	assert.False(t, SameEachEpoch(a))
	eachOnce(t, "ring8", opened(t, "ring8", Options{Seed: 1, Limit: 150}), []int{7, 64}, []int{1, 5})
	third := opened(t, "ring8", Options{Seed: 1, Filter: "2"})
	assert.Equal(t, 12500, third.Len())
	assert.Equal(t, points(t, a, 4, 11)[10], points(t, third, 4, 2)[1])
	_, err := Open("ring8", Options{Size: square(8)})
	assert.EqualError(t, err, `data "ring8": size is for images, and this holds points: take images, or leave it out`)
}
