package gan

import (
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/gan/trainer"
	"forger/torch"
	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A config.yaml repeats what its run decided by itself, where nothing else is asked for; another's decoder is told of.
func TestAConfigRepeatsWhatWasDecided(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Device, c.Run.Layout, c.Run.Steps = "cpu", "auto", 1
	for _, layout := range []string{"contiguous", "channels_last"} {
		c.Repeat = &trainer.Resolved{Layout: layout, Threads: 1, Device: "cpu", Conv: "stock", Precision: "fp32", Decoder: "a decoder of before"}
		c.Run.Out = filepath.Join(t.TempDir(), layout)
		var r gantest.Recorder
		_, err := train(t, t.Context(), c, &r)
		require.NoError(t, err)
		got := resolvedBy(t, c.Run.Out)
		assert.Equal(t, []any{layout, 1, "stock"}, []any{got.Layout, got.Threads, got.Conv})
		assert.Contains(t, strings.Join(r.Warns, "\n"), "decoded its images by a decoder of before")
	}
	c.Run.Layout, c.Run.Out = "contiguous", filepath.Join(t.TempDir(), "given")
	_, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	assert.Equal(t, "contiguous", resolvedBy(t, c.Run.Out).Layout, "what is given wins")
}

// A CPU has no tf32: it is told once, and keeps the convolutions that fp32 has there. So does a run that comes from a device.
func TestTF32OnACPU(t *testing.T) {
	require.NoError(t, torch.Load())
	c := tinyConfig(t)
	c.Run.Device, c.Run.Precision, c.Run.Steps = "cpu", "tf32", 2
	var r gantest.Recorder
	_, err := train(t, t.Context(), c, &r)
	require.NoError(t, err)
	assert.Equal(t, []string{"precision tf32: a CPU has none: trains in fp32"}, r.Warns)
	got := resolvedBy(t, c.Run.Out)
	assert.Equal(t, []string{"fp32", torch.BestConv().String()}, []string{got.Precision, got.Conv})

	path := filepath.Join(c.Run.Out, "checkpoints", "step-00000002.pt")
	root := mustLoad(t, path).(*pt.Dict)
	config, err := pt.At[string](root, "config")
	require.NoError(t, err)
	for old, now := range map[string]string{`"device":"cpu","precision":"fp32"`: `"device":"cuda:0","precision":"tf32"`, `"conv":"` + got.Conv + `"`: `"conv":"stock"`} {
		require.Contains(t, config, old)
		config = strings.Replace(config, old, now, 1)
	}
	root.Set("config", config)
	require.NoError(t, pt.WriteFile(path, root))
	_, err = resume(t, c.Run.Out, &gantest.Recorder{}, "steps", "3", "device", "cpu", "precision", "fp32")
	require.NoError(t, err)
	got = resolvedBy(t, c.Run.Out)
	assert.Equal(t, []string{"fp32", torch.BestConv().String()}, []string{got.Precision, got.Conv})
}
