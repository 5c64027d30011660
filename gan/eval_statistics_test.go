package gan

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FID against a file of the real data's statistics is that against the data, and such a file is pytorch-fid's.
func TestFIDAgainstStatistics(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	real, fake := writeSample(t, 1, 80, 3, 1), writeSample(t, 2, 60, 3, 1.2)
	stats := filepath.Join(t.TempDir(), "real.npz")
	o := asked()
	o.Against, o.SaveTo = "npy:"+real, stats
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Empty(t, e.Names, "nothing is judged")
	_, x, err := data.ReadNPY[float32](real)
	require.NoError(t, err)
	arrays, err := data.ReadNPZ(stats, "mu", "sigma")
	require.NoError(t, err)
	mean := [3]float64{}
	for i, v := range x {
		mean[i%3] += float64(v) / 80
	}
	variance := 0.
	for i := 0; i < len(x); i += 3 {
		variance += math.Pow(float64(x[i])-mean[0], 2) / 79
	}
	assert.InDeltaSlice(t, mean[:], arrays[0].Values, 1e-12)
	assert.Equal(t, []int{3, 3}, arrays[1].Shape)
	assert.InDelta(t, variance, arrays[1].Values[0], 1e-12)

	o.SaveTo, o.Images, o.Metrics = "", "npy:"+fake, []string{"fid"}
	whole, err := Eval(t.Context(), o)
	require.NoError(t, err)
	o.Against, o.Metrics = stats, nil
	e, err = Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []string{"fid"}, e.Names)
	assert.Equal(t, whole.Metrics["fid"], e.Metrics["fid"])
	assert.Equal(t, []any{stats, 0, 60}, []any{e.Protocol.Real, e.Protocol.NReal, e.Protocol.N})

	for want, change := range map[string]func(*EvalOptions){
		"--metrics kid: it takes samples, and " + stats + " holds their statistics: name the data, or measure fid":           func(o *EvalOptions) { o.Metrics = []string{"kid"} },
		"--against " + stats + ": it holds statistics, and no data to take halves or statistics of: name the data":           func(o *EvalOptions) { o.Images, o.Self = "", true },
		"--save-stats x.npy: statistics are written as NumPy's .npz: name one":                                               func(o *EvalOptions) { o.SaveTo = "x.npy" },
		"--against " + stats + ": statistics of 3 features, and --features pixels are 2: name those that they were taken by": func(o *EvalOptions) { o.Images = "npy:" + writeSample(t, 3, 60, 2, 1) },
	} {
		changed := o
		change(&changed)
		_, err := Eval(t.Context(), changed)
		assert.EqualError(t, err, want)
	}
}

// The moments of the real data are taken once: the second time they come out of the cache, and are the same to the bit. Another
// count, seed or kind of features has others.
func TestStatisticsAreKept(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	o := asked()
	o.Against, o.Images, o.Metrics = "npy:"+writeSample(t, 1, 80, 3, 1), "npy:"+writeSample(t, 2, 60, 3, 1.2), []string{"fid"}
	first, err := Eval(t.Context(), o)
	require.NoError(t, err)
	kept, err := filepath.Glob(filepath.Join(cache, "forger", "statistics", "*.npz"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	again, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, first, again)

	// What stands in the file is what is compared with.
	require.NoError(t, data.WriteNPZ(kept[0], data.Array{Name: "mu", Shape: []int{3}, Values: []float64{9, 9, 9}},
		data.Array{Name: "sigma", Shape: []int{3, 3}, Values: []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}}))
	moved, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Greater(t, moved.Metrics["fid"].Value, 200.)
	o.N = 50
	_, err = Eval(t.Context(), o)
	require.NoError(t, err)
	all, err := filepath.Glob(filepath.Join(cache, "forger", "statistics", "*.npz"))
	require.NoError(t, err)
	assert.Len(t, all, 2)

	require.NoError(t, os.WriteFile(kept[0], []byte("damaged"), 0o644))
	o.N = asked().N
	_, err = Eval(t.Context(), o)
	require.ErrorContains(t, err, kept[0])
	assert.ErrorContains(t, err, ": remove it, and it is taken again")
}

// Where moments are all that is asked for, no features are kept, and they are those of the features.
func TestMomentsAreThoseOfTheFeatures(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	o := asked()
	o.Against, o.Images, o.Size, o.N = "glyphs", "npy:"+noisyImages(t, 600), vision.Square(16), 600
	o.Metrics = []string{"fid"}
	sums, err := Eval(t.Context(), o)
	require.NoError(t, err)
	o.Metrics = []string{"fid", "swd"}
	kept, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.InEpsilon(t, kept.Metrics["fid"].Value, sums.Metrics["fid"].Value, 1e-8)
	assert.Equal(t, kept.Metrics["fid"].Note, sums.Metrics["fid"].Note)
}
