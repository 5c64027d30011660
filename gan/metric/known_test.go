package metric

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// normals draws n samples of d dimensions from N(mean, sd^2).
func normals(s *torch.Scope, seed uint64, n, d int, mean, sd float64) Set {
	r := rand.New(rand.NewPCG(seed, 1))
	values := make([]float64, n*d)
	for i := range values {
		values[i] = mean + sd*r.NormFloat64()
	}
	return Set{X: s.FromDoubles(values, n, d)}
}

// Distances of normals whose distance is known.
func TestDistancesOfNormals(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		p := Pair{Real: normals(s, 1, 20000, 1, 0, 1), Fake: normals(s, 2, 20000, 1, .5, 1.2)}
		o := asked
		o.Bins = 30
		kl := math.Log(1.2) + (1+.25)/(2*1.44) - .5
		assert.InDelta(t, kl, measure(t, s, "kl", p, o).Value, .01)
		assert.InDelta(t, .25+.04, measure(t, s, "fid", p, o).Value, .02) // (m1-m2)^2 + (s1-s2)^2
		assert.InDelta(t, math.Sqrt(.29), measure(t, s, "swd", p, o).Value, .02)
	})
}

func TestDisjointSamples(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		p := Pair{Real: normals(s, 1, 300, 2, 0, .1), Fake: normals(s, 2, 300, 2, 9, .1)}
		near(t, math.Ln2, measure(t, s, "js", p, asked).Value, "js")
		for _, name := range []string{"c2st-knn", "c2st-nn"} {
			near(t, 1, measure(t, s, name, p, asked).Value, name)
		}
		r := measure(t, s, "prdc", p, asked)
		for _, name := range []string{"precision", "recall", "density", "coverage"} {
			near(t, 0, figure(t, r, name), name)
		}
		for _, name := range []string{"mmd", "energy"} {
			near(t, 1./21, figure(t, measure(t, s, name, p, asked), "p"), name)
		}
	})
}

// FID of normals whose covariances commute, by moments that are given.
func TestFrechetWhereCovariancesCommute(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := normals(s, 1, 50, 4, 0, 1).X
		a := momentsOf(x)
		b := momentsOf(x.MulScalar(3).AddScalar(1)) // mean 3m+1, covariance 9S
		want := 0.
		for k, m := range a.Mean {
			want += (2*m + 1) * (2*m + 1)
			want += 4 * a.Cov.At(k, k) // tr S (1 + 9 - 2*3)
		}
		near(t, want, measure(t, s, "fid", Pair{Real: Set{Known: a}, Fake: Set{Known: b}}, asked).Value, "frechet")
		assert.Equal(t, "the moments of the samples alone are known", measure(t, s, "kid", Pair{Real: Set{Known: a}, Fake: Set{X: x}}, asked).Note)
	})
}

// What cannot be measured says why, and is no number.
func TestWhatCannotBeMeasured(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		same := Set{X: s.Ones(20, 2)}
		flat := Pair{Real: same, Fake: same}
		for name, note := range map[string]string{
			"t": "not defined: neither sample varies", "modes": "the modes of the real distribution are not known",
			"hotelling": "the covariance cannot be inverted: a dimension does not vary, or follows from others",
			"mmd":       "more than half of all samples are the same: the kernel has no width",
		} {
			r := measure(t, s, name, flat, asked)
			assert.True(t, math.IsNaN(r.Value), name)
			assert.Equal(t, note, r.Note)
		}
		assert.Equal(t, "1 generated samples: too few", measure(t, s, "fid", Pair{Real: same, Fake: Set{X: s.Ones(1, 2)}}, asked).Note)
		few := Pair{Real: Set{X: sample(s, 3, 40, 64, 1, 0)}, Fake: Set{X: sample(s, 4, 20, 64, 1, 0)}}
		assert.Equal(t, "40 and 20 samples of 64 dimensions: it takes more samples than dimensions", measure(t, s, "hotelling", few, asked).Note)
		assert.Zero(t, measure(t, s, "ks", flat, asked).Value)
	})
}

// Under the null hypothesis a test of level 5 % rejects so often: within three standard deviations in 60 repetitions, or in
// FORGER_LEVELS of them.
func TestLevels(t *testing.T) {
	n := 60
	if asked, err := strconv.Atoi(os.Getenv("FORGER_LEVELS")); err == nil {
		n = asked
	}
	most := .05*float64(n) + 3*math.Sqrt(.05*.95*float64(n))
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for name := range levels {
			rejected := level(t, s, name, n)
			t.Logf("%s: %d of %d", name, rejected, n)
			assert.LessOrEqual(t, float64(rejected), most, name)
		}
	}, torch.Threads(1))
}

// levels are the tests, and the samples that they are tried on.
var levels = map[string]int{"t": 100, "welch": 100, "ks": 100, "hotelling": 100, "mmd": 60, "energy": 60, "c2st-knn": 200}

// level is how often a test rejects that two samples of one distribution are of one.
func level(t *testing.T, s *torch.Scope, name string, repetitions int) (rejected int) {
	t.Helper()
	o := asked
	o.Permutations = 99
	for i := range repetitions {
		c := s.Child()
		o.Seed = uint64(i)
		n := levels[name]
		r := measure(t, c, name, Pair{Real: normals(c, uint64(2*i), n, 2, 0, 1), Fake: normals(c, uint64(2*i+1), n, 2, 0, 1)}, o)
		if reject(r) {
			rejected++
		}
		c.Close()
	}
	return rejected
}

// reject is whether a test, or one of those of its dimensions, rejects.
func reject(r Result) bool {
	if n, ok := r.Figure("rejected"); ok {
		return n > 0
	}
	for _, f := range r.More {
		if v, ok := f.Value.(bool); ok && f.Name == "reject" {
			return v
		}
	}
	return false
}
