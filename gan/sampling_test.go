package gan

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/export"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// drawn samples a run without a picture, and returns shape and values of what it drew.
func drawn(t *testing.T, o SampleOptions) (shape []int, values []float32) {
	t.Helper()
	o.Raw, o.Device = filepath.Join(t.TempDir(), "raw.npy"), "cpu"
	require.NoError(t, Sample(t.Context(), o))
	shape, values, err := data.ReadNPY[float32](o.Raw)
	require.NoError(t, err)
	return shape, values
}

// A run's directory stands for its newest checkpoint, and the raw values are enough of an output.
func TestADirectoryIsItsNewestCheckpoint(t *testing.T) {
	run := stoppedRun(t, func(*Config) {})
	shape, byRun := drawn(t, SampleOptions{Checkpoint: run, N: 3})
	_, byFile := drawn(t, SampleOptions{Checkpoint: filepath.Join(run, "checkpoints", "step-00000006.pt"), N: 3})
	_, before := drawn(t, SampleOptions{Checkpoint: filepath.Join(run, "checkpoints", "step-00000004.pt"), N: 3})
	assert.Equal(t, []int{3, 1, 16, 16}, shape)
	assert.Equal(t, byFile, byRun)
	assert.NotEqual(t, before, byRun)
	err := Sample(t.Context(), SampleOptions{Checkpoint: t.TempDir(), N: 1, Raw: filepath.Join(t.TempDir(), "x.npy"), Device: "cpu"})
	assert.ErrorContains(t, err, "a directory without checkpoints of a run: name a checkpoint or a run's directory")

	// So it does for export, which makes the folders on its way.
	out := filepath.Join(t.TempDir(), "not", "there", "g.pth")
	assert.Equal(t, "pth", export.FormatOf(out))
	require.NoError(t, Export(export.Options{Checkpoint: run, Net: "generator", Format: export.FormatOf(out), Out: out}))
	weights := func(path string, key ...any) []byte {
		of, err := pt.At[*pt.Tensor](mustLoad(t, path), key...)
		require.NoError(t, err)
		bytes, err := of.Bytes()
		require.NoError(t, err)
		return bytes
	}
	assert.Equal(t, weights(filepath.Join(run, "checkpoints", "latest"), "generator", "main.0.weight"), weights(out, "main.0.weight"))
}

// The image of a seed is the same whatever the other seeds are; and that of one seed alone is that of --seed with --n 1.
func TestSeedsAreImages(t *testing.T) {
	run := stoppedRun(t, func(*Config) {})
	const pixels = 16 * 16
	shape, three := drawn(t, SampleOptions{Checkpoint: run, Seeds: []uint64{1, 5, 9}})
	assert.Equal(t, []int{3, 1, 16, 16}, shape)
	_, other := drawn(t, SampleOptions{Checkpoint: run, Seeds: []uint64{9, 7, 7, 1}})
	near := func(a, b []float32, what string) { // batches of other sizes sum in another order
		for i := range a {
			require.InDelta(t, a[i], b[i], 1e-5, what)
		}
	}
	near(three[:pixels], other[3*pixels:], "seed 1")
	near(three[2*pixels:], other[:pixels], "seed 9")
	near(other[pixels:2*pixels], other[2*pixels:3*pixels], "seed 7")
	assert.NotEqual(t, three[:pixels], three[pixels:2*pixels])
	_, one := drawn(t, SampleOptions{Checkpoint: run, Seed: 5, N: 1})
	near(one, three[pixels:2*pixels], "seed 5")
}

// No latent is farther from the middle than the bound, those within are as they were, and the rest follow the normal
// distribution cut there: the variance of one cut at 1 is .2911, Johnson and Kotz.
func TestTruncation(t *testing.T) {
	run := stoppedRun(t, func(*Config) {})
	d, err := openDrawer(t.Context(), run, false, "cpu")
	require.NoError(t, err)
	defer d.Root.Close()
	draw := func(o SampleOptions) []float32 {
		require.NoError(t, d.chosen(o))
		s := d.Root.Child()
		defer s.Close()
		return d.noise(s, 0, 2000).Floats()
	}
	whole, cut := draw(SampleOptions{Seed: 3}), draw(SampleOptions{Seed: 3, Truncation: 1})
	require.Len(t, cut, 2000*d.sampler.Width)
	squares, kept := 0.0, 0
	for i, v := range cut {
		require.LessOrEqual(t, max(v, -v), float32(1))
		squares += float64(v) * float64(v)
		if w := whole[i]; max(w, -w) <= 1 {
			require.Equal(t, w, v)
			kept++
		}
	}
	assert.InDelta(t, .2911, squares/float64(len(cut)), .01)
	assert.InDelta(t, .6827, float64(kept)/float64(len(cut)), .02)
	_, loose := drawn(t, SampleOptions{Checkpoint: run, N: 4, Truncation: 100})
	_, all := drawn(t, SampleOptions{Checkpoint: run, N: 4})
	assert.Equal(t, all, loose, "a bound that binds nothing changes nothing")
}

// Latents may have the shape that PyTorch's networks take.
func TestLatentsInBothShapes(t *testing.T) {
	run := stoppedRun(t, func(*Config) {})
	var all [2][]float32
	for i, shape := range [][]int{{3, 4}, {3, 4, 1, 1}} {
		path := filepath.Join(t.TempDir(), "z.npy")
		require.NoError(t, writeFloats(path, shape, torchtest.Fill(5, 12)))
		_, all[i] = drawn(t, SampleOptions{Checkpoint: run, Latents: path})
	}
	assert.Len(t, all[0], 3*16*16)
	assert.Equal(t, all[0], all[1])
	path := filepath.Join(t.TempDir(), "z.npy")
	require.NoError(t, writeFloats(path, []int{3, 2, 2, 1}, torchtest.Fill(5, 12)))
	err := Sample(t.Context(), SampleOptions{Checkpoint: run, Latents: path, Raw: path + "x", Device: "cpu"})
	assert.ErrorContains(t, err, "shape [3 2 2 1]: this network takes [N,4]")
}

// Ten images are not drawn into a directory where a thousand of before would be left among them.
func TestNoImagesOfBeforeAmongTheNew(t *testing.T) {
	run, out := stoppedRun(t, func(*Config) {}), filepath.Join(t.TempDir(), "images")
	draw := func(n int) error {
		return Sample(t.Context(), SampleOptions{Checkpoint: run, Out: out, N: n, Device: "cpu"})
	}
	require.NoError(t, draw(5))
	require.NoError(t, draw(5), "the same names again")
	require.NoError(t, draw(7))
	require.NoError(t, os.WriteFile(filepath.Join(out, "mine.png"), nil, 0o644))
	before, err := os.ReadFile(filepath.Join(out, "00000.png"))
	require.NoError(t, err)
	assert.EqualError(t, draw(3), fmt.Sprintf("--out %s: 4 images of another draw would be left among these 3: empty it, or name another directory", out))
	after, err := os.ReadFile(filepath.Join(out, "00000.png"))
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
