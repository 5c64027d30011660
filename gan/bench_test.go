package gan

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"forger/gan/bench"
	"forger/gan/gantest"
	"forger/internal/setting"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBenchMeasures(t *testing.T) {
	for _, synthetic := range []bool{true, false} {
		c := tinyConfig(t)
		trace := filepath.Join(t.TempDir(), "trace.json")
		res, err := Bench(context.Background(), c, bench.Options{Steps: 12, Warmup: 1, Synthetic: synthetic, Trace: trace})
		require.NoError(t, err)
		assert.Len(t, res.Windows, 10)
		assert.InDelta(t, (sorted(res.Windows)[4]+sorted(res.Windows)[5])/2, res.ImagesPerSecond, 1e-9)
		for _, positive := range []float64{res.ImagesPerSecond, res.MsPerStep, res.PeakMiB, res.BaseMiB, res.GFlops, res.PeakGFlops, res.CopyGBs, res.CgoCalls} {
			assert.Positive(t, positive)
		}
		assert.GreaterOrEqual(t, res.PeakMiB, res.BaseMiB)
		assert.Len(t, res.Phases, 7)
		for i, name := range res.Phases {
			_, measured := res.Split[name]
			assert.Equal(t, !synthetic || i > 1, measured, name)
		}
		assert.Equal(t, []any{8, "channels_last"}, []any{res.Batch, res.Layout})
		var written struct {
			TraceEvents []struct{ Name string }
		}
		text, err := os.ReadFile(trace)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &written))
		names := map[string]int{}
		for _, e := range written.TraceEvents {
			names[e.Name]++
		}
		assert.Equal(t, 3, names["forger: step"], "as they are run")
		assert.Equal(t, 3, names["forger: generator_update"], "and part by part")
		assert.Equal(t, 2*2*3, names["aten::_fused_adam_"], "libtorch's operations")
		assert.Equal(t, res.Graph == "on", res.SplitEager)
	}
}

func TestBenchOfTheLoaderAlone(t *testing.T) {
	c := DefaultConfig()
	c.Data.Spec, c.Data.Size, c.Run.Batch, c.Run.Workers = "folder:"+gantest.Pictures(t, 30), vision.Square(16), 10, 2
	res, err := Bench(context.Background(), c, bench.Options{Steps: 6, LoaderOnly: true})
	require.NoError(t, err)
	assert.Len(t, res.Windows, 6)
	assert.Positive(t, res.ImagesPerSecond)
	assert.Equal(t, 2, res.Workers)
	assert.Empty(t, res.Libtorch)

	var usage *setting.UsageError
	_, err = Bench(context.Background(), c, bench.Options{Steps: 6, LoaderOnly: true, Synthetic: true})
	assert.ErrorAs(t, err, &usage)
	_, err = Bench(context.Background(), c, bench.Options{Steps: 0})
	assert.ErrorAs(t, err, &usage)
}

func sorted(values []float64) []float64 { return slices.Sorted(slices.Values(values)) }
