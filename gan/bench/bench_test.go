package bench

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The official networks take .208 GFLOP forward each; a step is 11 such passes but for two gradients of real images and
// one of latents, which nobody needs.
func TestArithmeticOfTheOfficialStep(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		n := Network{Size: 64, Channels: 3, Latent: 100, GenWidth: 64, DiscWidth: 64}
		gen, disc := build(t, s, n)
		d, dFirst, err := layerCost(disc, []int{3, 64, 64}, 64)
		require.NoError(t, err)
		first := 2.0 * 64 * 3 * 16 * 32 * 32
		assert.Equal(t, first, dFirst.flops)
		assert.Equal(t, first+2*16*(128*64*256+256*128*64+512*256*16+512), d.flops)
		assert.Equal(t, 4*(3.*64*64+64*32*32+64*3*16/64.), dFirst.bytes)
		g, gFirst, err := layerCost(gen, []int{100, 1, 1}, 64)
		require.NoError(t, err)
		assert.Equal(t, 2.*100*512*16, gFirst.flops)
		assert.Equal(t, gFirst.flops+2*16*(512*256*16+256*128*64+128*64*256+64*3*1024), g.flops)
		step, err := stepCost(gen, disc, n, 1, 64)
		require.NoError(t, err)
		assert.Equal(t, 8*d.flops-2*dFirst.flops+3*g.flops-gFirst.flops, step.flops)
		twice, err := stepCost(gen, disc, n, 2, 64)
		require.NoError(t, err)
		assert.Equal(t, step.flops+6*d.flops-2*dFirst.flops+g.flops, twice.flops)
	})
}

func TestBenchMeasures(t *testing.T) {
	for _, synthetic := range []bool{true, false} {
		c := tinyConfig(t)
		trace := filepath.Join(t.TempDir(), "trace.json")
		res, err := Bench(context.Background(), BenchOptions{Config: c, Steps: 12, Warmup: 1, Synthetic: synthetic, Trace: trace})
		require.NoError(t, err)
		assert.Len(t, res.Windows, 10)
		assert.Equal(t, median(res.Windows), res.ImagesPerSecond)
		for _, positive := range []float64{res.ImagesPerSecond, res.MsPerStep, res.PeakMiB, res.BaseMiB, res.GFlops, res.PeakGFlops, res.CopyGBs, res.CgoCalls} {
			assert.Positive(t, positive)
		}
		assert.GreaterOrEqual(t, res.PeakMiB, res.BaseMiB)
		for i, name := range PhaseNames() {
			_, measured := res.Split[name]
			assert.Equal(t, !synthetic || phase(i) > phaseUpload, measured, name)
		}
		assert.Equal(t, []any{8, "channels_last"}, []any{res.Batch, res.Layout})
		var written struct {
			TraceEvents []struct{ Name string }
		}
		text, err := os.ReadFile(trace)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &written))
		names := map[string]bool{}
		for _, e := range written.TraceEvents {
			names[e.Name] = true
		}
		assert.True(t, names["forger: generator"], "Go's spans")
		assert.True(t, names["aten::_fused_adam_"], "libtorch's operations")
	}
}

func TestBenchOfTheLoaderAlone(t *testing.T) {
	c := DefaultConfig()
	c.Data.Spec, c.Data.Size, c.Run.Batch, c.Run.Workers = "folder:"+gantest.Pictures(t, 30), 16, 10, 2
	res, err := Bench(context.Background(), BenchOptions{Config: c, Steps: 6, LoaderOnly: true})
	require.NoError(t, err)
	assert.Len(t, res.Windows, 6)
	assert.Positive(t, res.ImagesPerSecond)
	assert.Equal(t, 2, res.Workers)
	assert.Empty(t, res.Libtorch)

	var usage *setting.UsageError
	_, err = Bench(context.Background(), BenchOptions{Config: c, Steps: 6, LoaderOnly: true, Synthetic: true})
	assert.ErrorAs(t, err, &usage)
	_, err = Bench(context.Background(), BenchOptions{Config: c, Steps: 0})
	assert.ErrorAs(t, err, &usage)
}

// What was measured once is taken again; a layout that is not known, or a damaged file, is measured anew.
func TestTheLayoutIsChosenOnce(t *testing.T) {
	require.NoError(t, torch.Load())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c := tinyConfig(t)
	shape := data.Shape{Height: 16, Width: 16, Channels: 1}
	chosen, err := chooseLayout(c, shape, "stock")
	require.NoError(t, err)
	assert.Contains(t, layouts, chosen)
	path, known := readCalibration()
	assert.Equal(t, map[string]string{calibrationKey(c, shape, "stock"): chosen}, known)
	for _, layout := range []string{"contiguous", "channels_last"} {
		keepCalibration(path, map[string]string{calibrationKey(c, shape, "stock"): layout})
		got, err := chooseLayout(c, shape, "stock")
		require.NoError(t, err)
		assert.Equal(t, layout, got)
	}
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = chooseLayout(c, shape, "stock")
	assert.NoError(t, err)
	assert.NotEqual(t, calibrationKey(c, shape, "stock"), calibrationKey(c, shape, "avx2"))
	other := c
	other.Method.Model.GenWidth++
	assert.NotEqual(t, calibrationKey(c, shape, "stock"), calibrationKey(other, shape, "stock"))
}
