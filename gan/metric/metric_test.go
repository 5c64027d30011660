package metric

import (
	"encoding/json"
	"math"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// byScipy is what scripts/golden_metrics.py found.
type byScipy struct {
	Divergences, Infinite struct{ KL, JS []*float64 }
	Tests                 map[string]struct {
		Values, P []float64
		Holm      []float64 `json:"p_holm"`
	}
	Limit        struct{ D, P float64 } `json:"ks_limit"`
	Hotelling    struct{ T2, P float64 }
	Energy       float64
	MMD          struct{ Width, MMD float64 }
	KNN          struct{ K, Accuracy, P float64 }
	Parzen       parzenFound
	ParzenImages parzenFound `json:"parzen_images"`
	Sliced       float64
	FID          float64
	FIDWide      float64 `json:"fid_wide"`
	KID          float64
	PRDC         map[string]float64
	PRDCWide     map[string]float64 `json:"prdc_wide"`
	Score        float64
	Moments      struct{ Mean, Cov []float64 }
}

type parzenFound struct{ Sigma, Mean, SE float64 }

func want(t testing.TB) byScipy {
	t.Helper()
	var file struct{ Values byScipy }
	torchtest.Golden(t, "testdata/metrics.json", &file)
	return file.Values
}

// sample is golden_metrics.py's.
func sample(s *torch.Scope, stream, n, d int, scale, shift float64) torch.Tensor {
	return s.FromDoubles(torchtest.Fill(stream, n*d), n, d).Affine(scale, shift)
}

func pairOf(s *torch.Scope) Pair {
	return Pair{Real: Set{X: sample(s, 1, 80, 3, 1, 0)}, Fake: Set{X: sample(s, 2, 60, 3, 1.2, .1)}}
}

func wide(s *torch.Scope) Pair {
	return Pair{Real: Set{X: sample(s, 3, 40, 64, 1, 0)}, Fake: Set{X: sample(s, 4, 50, 64, .8, .1)}}
}

var asked = Options{Bins: 50, Permutations: 20, Alpha: .05, Seed: 7}

func measure(t *testing.T, s *torch.Scope, name string, p Pair, o Options) Result {
	t.Helper()
	r, err := Table[name].Of(s, p, o)
	require.NoError(t, err)
	return r
}

func figure(t *testing.T, r Result, name string) float64 {
	t.Helper()
	v, ok := r.Figure(name)
	require.True(t, ok, "%s of %+v", name, r)
	return v
}

func list(t *testing.T, r Result, name string) []float64 {
	t.Helper()
	for _, f := range r.More {
		if f.Name == name {
			return f.Value.([]float64)
		}
	}
	t.Fatalf("no %s in %+v", name, r)
	return nil
}

func near(t *testing.T, want, got float64, what string) {
	t.Helper()
	torchtest.Close(t, []float64{want}, []float64{got}, 1e-6, 1e-12, what)
}

func TestHistogramsAsNumPy(t *testing.T) {
	w := want(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		few := asked
		few.Bins = 5
		for name, of := range map[string][]*float64{"kl": w.Divergences.KL, "js": w.Divergences.JS} {
			r := measure(t, s, name, pairOf(s), few)
			mean := 0.
			for k, v := range list(t, r, "values") {
				near(t, *of[k], v, name)
				mean += v / 3
			}
			near(t, mean, r.Value, name)
		}
		r := measure(t, s, "kl", pairOf(s), asked)
		assert.True(t, math.IsNaN(r.Value))
		assert.Equal(t, "infinite in 3 of 3 dimensions: there are intervals with real samples and no generated one", r.Note)
		for k, v := range list(t, measure(t, s, "js", pairOf(s), asked), "values") {
			near(t, *w.Infinite.JS[k], v, "js")
		}
	})
}

func TestTestsByDimensionAsScipy(t *testing.T) {
	w := want(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, of := range w.Tests {
			r := measure(t, s, name, pairOf(s), asked)
			torchtest.Close(t, of.Values, list(t, r, "values"), 1e-9, 0, name)
			torchtest.Close(t, of.P, list(t, r, "p"), 1e-9, 0, name)
			torchtest.Close(t, of.Holm, list(t, r, "p_holm"), 1e-9, 0, name)
		}
		r := measure(t, s, "ks", Pair{Real: Set{X: sample(s, 5, 150, 1, 1, 0)}, Fake: Set{X: sample(s, 6, 120, 1, 1.1, 0)}}, asked)
		near(t, w.Limit.D, r.Value, "ks")
		near(t, w.Limit.P, list(t, r, "p")[0], "ks")
		r = measure(t, s, "hotelling", pairOf(s), asked)
		near(t, w.Hotelling.T2, r.Value, "hotelling")
		near(t, w.Hotelling.P, figure(t, r, "p"), "hotelling")
	})
}

func TestDistancesAsNumPy(t *testing.T) {
	w := want(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		near(t, w.Energy, measure(t, s, "energy", pairOf(s), asked).Value, "energy")
		r := measure(t, s, "mmd", pairOf(s), asked)
		near(t, w.MMD.MMD, r.Value, "mmd")
		near(t, w.MMD.Width, figure(t, r, "width"), "mmd's width")
		for images, of := range map[bool]parzenFound{false: w.Parzen, true: w.ParzenImages} {
			p := pairOf(s)
			p.Images = images
			r := measure(t, s, "parzen", p, asked)
			near(t, of.Mean, r.Value, "parzen")
			near(t, of.SE, figure(t, r, "se"), "parzen")
			near(t, of.Sigma, figure(t, r, "sigma"), "parzen")
		}
	})
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) { // a CUDA device draws other directions
		p := pairOf(s)
		p.Real.X = p.Real.X.Slice(0, 0, 60, 1)
		o := asked
		o.Seed -= drawDirections // golden_metrics.py's 7
		near(t, w.Sliced, measure(t, s, "swd", p, o).Value, "swd")
	})
}

func TestFeatureMeasuresAsNumPy(t *testing.T) {
	w := want(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		near(t, w.FID, measure(t, s, "fid", pairOf(s), asked).Value, "fid")
		r := measure(t, s, "fid", wide(s), asked)
		near(t, w.FIDWide, r.Value, "fid of fewer samples than features")
		assert.Equal(t, "40 samples for 64 features: biased upwards, and not to be compared with figures of more", r.Note)
		p := pairOf(s)
		p.Real.X = p.Real.X.Slice(0, 0, 60, 1)
		r = measure(t, s, "kid", p, asked)
		near(t, w.KID, r.Value, "kid")
		assert.Less(t, figure(t, r, "std"), 1e-12, "each subset is all there is")
		for name, v := range w.PRDC {
			near(t, v, figure(t, measure(t, s, "prdc", pairOf(s), asked), name), name)
		}
		for name, v := range w.PRDCWide {
			near(t, v, figure(t, measure(t, s, "prdc", wide(s), asked), name), name)
		}
		near(t, w.Score, scoreOf(sample(s, 7, 30, 6, 4, 0)), "inception score")
	})
}

// More samples than are added up at once, in batches that do not divide them, have the moments of the whole.
func TestMomentsOfMoreThanAreAddedUpAtOnce(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		const n, d = 2*atOnce + 300, 3
		x := normals(s, 1, n, d, 2, 3).X
		a := NewAccumulator(s, d)
		defer a.Close()
		for first := 0; first < n; first += 130 {
			a.Add(x.Slice(0, first, min(first+130, n), 1))
		}
		m := a.Moments()
		rows := mat.NewDense(n, d, x.Doubles())
		var cov mat.SymDense
		stat.CovarianceMatrix(&cov, rows, nil)
		assert.Equal(t, n, m.N)
		for k := range d {
			near(t, stat.Mean(mat.Col(nil, k, rows), nil), m.Mean[k], "mean")
			for i := range d {
				near(t, cov.At(i, k), m.Covariance()[i*d+k], "covariance")
			}
		}
	})
}

// What goes through all pairs by parts is what goes through them at once.
func TestPairsByParts(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		const n, m, d = blockRows + 30, blockColumns + 70, 5
		x, y := normals(s, 1, n, d, 2, 1).X, normals(s, 2, m, d, 2.5, 1).X
		for _, other := range []torch.Tensor{x, y} {
			want := x.Cdist(other, 2).Doubles()
			rows := 0
			squares(s, x.To(torch.Float32), other.To(torch.Float32), func(_ *torch.Scope, first int, block torch.Tensor) {
				size := block.Shape()
				assert.Equal(t, first, rows)
				for i, v := range block.Doubles() {
					assert.InDelta(t, want[first*size[1]+i], math.Sqrt(v), 1e-3)
				}
				rows += size[0]
			})
			assert.Equal(t, n, rows)
		}
		same, all := 0., x.MatMul(x.Permute(1, 0)).Doubles()
		for i, v := range all {
			if i%(n+1) != 0 {
				same += math.Pow(v/d+1, 3)
			}
		}
		near(t, same, kernelWithin(x), "kernel")
	})
}

// The moments of batches are those of the whole, far from 0 too.
func TestMomentsBatchByBatch(t *testing.T) {
	w := want(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := sample(s, 1, 80, 3, 1, 0)
		for _, shift := range []float64{0, 1e6} {
			a := NewAccumulator(s, 3)
			for first := 0; first < 80; first += 13 {
				a.Add(x.Slice(0, first, min(first+13, 80), 1).AddScalar(shift))
			}
			m := a.Moments()
			assert.Equal(t, 80, m.N)
			torchtest.Close(t, w.Moments.Cov, m.Covariance(), 1e-8, 0, "covariance")
			for k, v := range m.Mean {
				assert.InDelta(t, w.Moments.Mean[k], v-shift, 1e-9)
			}
		}
	})
}

func TestTheNearestAsScikitLearn(t *testing.T) {
	w := want(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		p := pairOf(s)
		part := func(first int) torch.Tensor {
			return torch.Cat(0, p.Real.X.Slice(0, first, 80, 2), p.Fake.X.Slice(0, first, 60, 2))
		}
		labels := append(make([]float64, 40), ones(30)...)
		r := split{train: part(0), test: part(1), taught: labels, asked: labels}.nearest(s, asked)
		near(t, w.KNN.Accuracy, r.Value, "accuracy")
		near(t, w.KNN.P, figure(t, r, "p"), "p")
		near(t, w.KNN.K, figure(t, r, "k"), "k")
	})
}

func ones(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = 1
	}
	return all
}

// Statistics of permutations count that reach the one of the samples as they came.
func TestAPermutationsProbability(t *testing.T) {
	r := permutationTest([]float64{2, 1, 2, 3, 0}, Options{Alpha: .7})
	assert.Equal(t, Result{Value: 2, More: []Field{{"p", 3. / 5}, {"reject", true}}}, r)
}

// The permuted sums are those of samples that were cut that way.
func TestASplitsSumsAreThoseOfItsSamples(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		p := pairOf(s)
		o := Options{Permutations: 1, Seed: 3}
		sums := permuted(s, p, o, torch.Tensor.Sqrt)
		order := shuffled(3, drawPermutations+1, 140)
		all := torch.Cat(0, p.Real.X, p.Fake.X)
		cut := Pair{Real: Set{X: pick(all, order[:80])}, Fake: Set{X: pick(all, order[80:])}}
		again := permuted(s, cut, Options{}, torch.Tensor.Sqrt)
		near(t, again.first[0], sums.first[1], "first")
		near(t, again.second[0], sums.second[1], "second")
		near(t, again.across[0], sums.across[1], "across")
	})
}

func TestModesByPacGANsProtocol(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		p := pairOf(s)
		p.Answer = &Modes{Centres: [][]float64{{0, 0}, {4, 0}, {0, 4}}, SD: .1}
		p.Real.X = s.Zeros(2, 2)
		p.Fake.X = s.FromDoubles([]float64{.29, 0, .31, 0, 4, .2, 3.9, -.2}, 4, 2)
		r := measure(t, s, "modes", p, asked)
		near(t, 2./3, r.Value, "modes")
		near(t, 2, figure(t, r, "covered"), "covered")
		near(t, .75, figure(t, r, "high_quality"), "high quality")
	})
}

func TestClassesFound(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		p := pairOf(s)
		p.Real.Logits = s.FromDoubles([]float64{1, 0, 0, 1, 0, 0, 0, 2, 1, 0, 1, 0}, 4, 3)
		p.Fake.Logits = s.FromDoubles([]float64{3, 0, 0, 0, 1, 0}, 2, 3)
		r := measure(t, s, "stacked", p, asked)
		near(t, 2, r.Value, "found")
		near(t, 0, figure(t, r, "kl"), "kl")
		p.Real.Logits = Set{}.Logits
		assert.Equal(t, "the features have no classifier: use --features classifier:SPEC, or inception:FILE", measure(t, s, "is", p, asked).Note)
	})
}

func TestAResultAsJSON(t *testing.T) {
	for want, r := range map[string]Result{
		`{"value":1.5,"p":0.25,"reject":false}`:                     {Value: 1.5, More: []Field{{"p", .25}, {"reject", false}}},
		`{"value":null,"note":"too few: 3","values":[1,null]}`:      {Value: math.NaN(), Note: "too few: 3", More: []Field{{"values", []float64{1, math.Inf(1)}}}},
		`{"value":2,"note":"\"quoted\"","covered":3,"list":[true]}`: {Value: 2, Note: `"quoted"`, More: []Field{{"covered", 3}, {"list", []bool{true}}}},
	} {
		got, err := json.Marshal(r)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}
