package gan

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cannot be compared is one line that says why, and what to do.
func TestBrokenInputOfAnEvaluation(t *testing.T) {
	file := func(name string, values []float64, shape ...int) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, writeFloats(path, shape, values))
		return path
	}
	images := file("a.npy", torchtest.Fill(1, 40*64), 40, 1, 8, 8)
	larger := file("b.npy", torchtest.Fill(1, 40*256), 40, 1, 16, 16)
	broken := torchtest.Fill(1, 40*64)
	broken[70] = math.NaN()
	notANumber := file("nan.npy", broken, 40, 1, 8, 8)
	cube := file("cube.npy", torchtest.Fill(1, 40*64), 40, 8, 8)
	one := file("one.npy", torchtest.Fill(1, 64), 1, 1, 8, 8)
	empty := t.TempDir()
	text := filepath.Join(t.TempDir(), "net.pt")
	require.NoError(t, os.WriteFile(text, []byte("no network"), 0o644))
	for name, c := range map[string]struct {
		images, against, features string
		want                      []string
	}{
		"another size":    {larger, images, "random", []string{"--images npy:" + larger, "16x16x1", "--against npy:" + images, "8x8x1", "bring images to one side with --size"}},
		"NaN":             {notANumber, images, "random", []string{notANumber + ": element [1,0,0,6] is NaN"}},
		"rank":            {cube, images, "random", []string{cube + ": shape [40 8 8]"}},
		"one image":       {images, one, "random", []string{"--against npy:" + one + ": 1 elements: too few to compare: name more data"}},
		"no network":      {images, images, text, []string{"--features " + text, "name what torch.jit.save wrote"}},
		"no weights":      {images, images, "inception:" + text, []string{"--features inception:" + text, "name the state dict that pytorch-fid and torch-fidelity load"}},
		"gone":            {images, images, "inception:/gone.pth", []string{"no such file or directory"}},
		"no statistics":   {images, "/gone.npz", "random", []string{"--against: data: read /gone.npz: no such file or directory"}},
		"an empty folder": {images, "", "random", []string{empty, "no images"}},
	} {
		o := asked()
		o.Images, o.Against, o.Features, o.Metrics = "npy:"+c.images, "npy:"+c.against, c.features, []string{"fid"}
		switch {
		case c.against == "":
			o.Against = "folder:" + empty
		case filepath.Ext(c.against) == ".npz":
			o.Against = c.against
		}
		_, err := Eval(t.Context(), o)
		require.Error(t, err, name)
		for _, part := range c.want {
			assert.ErrorContains(t, err, part, name)
		}
		assert.NotContains(t, err.Error(), "\n", name)
	}
}

// Few samples are measured, and warned of with the way in which they err.
func TestFewSamplesAreWarnedOf(t *testing.T) {
	o := asked()
	o.Self, o.Against, o.Size, o.N, o.Metrics = true, "glyphs", vision.Square(16), 20, []string{"fid"}
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, "20 samples for 480 features: biased upwards, and not to be compared with figures of more", e.Metrics["fid"].Note)
}
