package trainer

import (
	"os"
	"testing"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// uncalibrated makes setups of which nothing was measured before.
func uncalibrated(t *testing.T) (with func(change func(c *config, r *Resolved)) *setup) {
	require.NoError(t, torch.Load())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c := tinyConfig(t)
	c.Run.Layout = "auto"
	return func(change func(c *config, r *Resolved)) *setup {
		c, r := c, Resolved{Conv: "stock", Precision: "fp32", Threads: 1, Layout: "auto", Size: shape16.Size(), Channels: shape16.Channels}
		change(&c, &r)
		return &setup{job: c.job(), from: &Origin{}, ds: fakeData{n: 8, shape: shape16}, dev: torch.CPU, resolved: r}
	}
}

// What was measured once is taken again; a layout that is not known, or a damaged file, is measured anew.
func TestTheLayoutIsChosenOnce(t *testing.T) {
	with := uncalibrated(t)
	p := with(func(*config, *Resolved) {})
	chosen, err := p.chooseLayout()
	require.NoError(t, err)
	assert.Contains(t, layouts, chosen)
	path, known := readCalibration()
	assert.Equal(t, map[string]string{p.calibrationKey("layout" + defaultLayout): chosen}, known)
	for _, layout := range []string{"contiguous", "channels_last"} {
		keepCalibration(path, map[string]string{p.calibrationKey("layout" + defaultLayout): layout})
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
		assert.NotEqual(t, p.calibrationKey(""), with(change).calibrationKey(""), name)
	}
	for name, change := range map[string]func(c *config, r *Resolved){
		"seed":  func(c *config, _ *Resolved) { c.Run.Seed = 9 },
		"rate":  func(c *config, _ *Resolved) { c.Method.LR = 1 },
		"steps": func(c *config, _ *Resolved) { c.Run.Steps = 99 },
	} {
		assert.Equal(t, p.calibrationKey(""), with(change).calibrationKey(""), name)
	}
}

// A step is measured on whole packs of samples.
func TestALayoutIsChosenForPacks(t *testing.T) {
	with := uncalibrated(t)
	for pack, batch := range map[int]int{3: 9, 5: 15, 16: 16, 2: 64} {
		_, err := with(func(c *config, _ *Resolved) { c.Method.Pack, c.Run.Batch = pack, batch }).chooseLayout()
		assert.NoError(t, err, "%d of %d", pack, batch)
	}
}

// Dense networks take as many threads as they may have, or one, whichever was found the faster; others take them all, and no
// layout is measured of what has no convolutions.
func TestDenseNetworksTakeTheThreadsThatTheyCanUse(t *testing.T) {
	with := uncalibrated(t)
	p := with(func(c *config, r *Resolved) { c.Method.Model.Name, r.Threads = "mlp", 0 })
	n, err := p.chooseThreads(2)
	require.NoError(t, err)
	assert.Contains(t, []string{"1", "2"}, n)
	path, known := readCalibration()
	key := p.calibrationKey("threads2")
	assert.Equal(t, map[string]string{key: n}, known)
	for _, want := range []string{"1", "2"} {
		keepCalibration(path, map[string]string{key: want})
		got, err := p.chooseThreads(2)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.NotEqual(t, key, with(func(c *config, r *Resolved) { c.Method.Model.Name, r.Threads, c.Run.Batch = "mlp", 0, 99 }).calibrationKey("threads2"), "the batch")

	require.NoError(t, os.Remove(path))
	n, err = p.chooseThreads(1)
	require.NoError(t, err)
	assert.Equal(t, "1", n)
	n, err = with(func(c *config, r *Resolved) { r.Threads = 0 }).chooseThreads(2)
	require.NoError(t, err)
	assert.Equal(t, "2", n, "convolutions")
	layout, err := p.chooseLayout()
	require.NoError(t, err)
	assert.Equal(t, defaultLayout, layout)
	assert.NoFileExists(t, path, "nothing was measured")
}
