package feature

import (
	"path/filepath"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the moments hang on has a file of its own.
func TestWhatStatisticsAreKeptUnder(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		seen := map[string]bool{}
		for _, o := range []data.Options{{}, {Flip: true}, {Seed: 1}, {Size: vision.Square(16)}, {Limit: 50}} {
			if o.Size.IsZero() {
				o.Size = vision.Square(8)
			}
			ds, err := data.Open("glyphs", o)
			require.NoError(t, err)
			for _, protocol := range []string{"pixels", "random"} {
				for _, n := range []int{10, 20} {
					for seed := range uint64(2) {
						path := statisticsFile(s, &Extractor{Protocol: protocol}, ds, seed, n)
						assert.Equal(t, ".npz", filepath.Ext(path))
						assert.False(t, seen[path])
						seen[path] = true
					}
				}
			}
		}
		assert.Len(t, seen, 5*8)
	})
}

// Statistics of another form are told of.
func TestStatisticsThatAreNone(t *testing.T) {
	for why, arrays := range map[string][]data.Array{
		"mu [2] and sigma [2 3]: [D] and [D,D] are wanted, as pytorch-fid saves them": {
			{Name: "mu", Shape: []int{2}, Values: make([]float64, 2)}, {Name: "sigma", Shape: []int{2, 3}, Values: make([]float64, 6)},
		},
		`no array named mu, it has "sigma"`: {{Name: "sigma", Shape: []int{1, 1}, Values: make([]float64, 1)}},
	} {
		path := filepath.Join(t.TempDir(), "x.npz")
		require.NoError(t, data.WriteNPZ(path, arrays...))
		_, err := ReadStatistics(path)
		require.ErrorContains(t, err, path)
		assert.ErrorContains(t, err, why)
	}
}
