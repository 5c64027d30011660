package trainer

import (
	"os"
	"testing"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was measured once is taken again; a layout that is not known, or a damaged file, is measured anew.
func TestTheLayoutIsChosenOnce(t *testing.T) {
	require.NoError(t, torch.Load())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c := tinyConfig(t)
	c.Run.Layout = "auto"
	with := func(change func(c *config, r *Resolved)) *setup {
		c, r := c, Resolved{Conv: "stock", Precision: "fp32", Threads: 1, Layout: "auto", Size: shape16.Size(), Channels: shape16.Channels}
		change(&c, &r)
		return &setup{job: c.job(), from: &Origin{}, ds: fakeData{n: 8, shape: shape16}, dev: torch.CPU, resolved: r}
	}
	p := with(func(*config, *Resolved) {})
	chosen, err := p.chooseLayout()
	require.NoError(t, err)
	assert.Contains(t, layouts, chosen)
	path, known := readCalibration()
	assert.Equal(t, map[string]string{p.calibrationKey(): chosen}, known)
	for _, layout := range []string{"contiguous", "channels_last"} {
		keepCalibration(path, map[string]string{p.calibrationKey(): layout})
		got, err := p.chooseLayout()
		require.NoError(t, err)
		assert.Equal(t, layout, got)
	}
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = p.chooseLayout()
	assert.NoError(t, err)
	for name, change := range map[string]func(c *config, r *Resolved){
		"convolutions": func(_ *config, r *Resolved) { r.Conv = "avx2" },
		"width":        func(c *config, _ *Resolved) { c.Method.Model.GenWidth++ },
		"batch":        func(c *config, _ *Resolved) { c.Run.Batch = 3 },
	} {
		assert.NotEqual(t, p.calibrationKey(), with(change).calibrationKey(), name)
	}
	for name, change := range map[string]func(c *config, r *Resolved){
		"seed":  func(c *config, _ *Resolved) { c.Run.Seed = 9 },
		"rate":  func(c *config, _ *Resolved) { c.Method.LR = 1 },
		"steps": func(c *config, _ *Resolved) { c.Run.Steps = 99 },
	} {
		assert.Equal(t, p.calibrationKey(), with(change).calibrationKey(), name)
	}
}
