package gan

import (
	"bytes"
	"encoding/json"
	"image"
	"io"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// comparedRuns are a GAN, a VAE and two PixelCNNs of which one takes images otherwise, trained on the same 8x8.
func comparedRuns(t *testing.T) (runs []string, data string) {
	t.Helper()
	data = "folder:" + gantest.Pictures(t, 24)
	dir := t.TempDir()
	for name, change := range map[string]func(c *Config){
		"1-gan": func(c *Config) { c.Method.Model.Name = "mlp" },
		"2-vae": func(c *Config) { *c = likelyRuns["vae"].config(t) },
		"3-pix": func(c *Config) { *c = likelyRuns["pixelcnn"].config(t) },
		"4-levels": func(c *Config) {
			*c = likelyRuns["pixelcnn"].config(t)
			c.Method.Binarize = "none"
		},
	} {
		c := tinyConfig(t)
		change(&c)
		c.Data.Spec, c.Data.Size, c.Run.Out, c.Run.Steps = data, vision.Square(8), filepath.Join(dir, name), 3
		c.Data.Channels = 1
		_, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err, name)
	}
	for _, name := range []string{"1-gan", "2-vae", "3-pix", "4-levels"} {
		runs = append(runs, filepath.Join(dir, name))
	}
	return runs, data
}

func compareOptions(runs []string, data, out string) CompareOptions {
	var o CompareOptions
	o.Measures.Settings().Reset()
	o.Likelihood.Settings().Reset()
	o.Likelihood.Samples = 3
	o.Checkpoints, o.Against, o.N, o.Device, o.Out = runs, data, 20, "cpu", out
	return o
}

// Models of all methods stand in one table under one protocol; a likelihood of other images has a table of its own; the picture
// has a column for the data and for each model.
func TestModelsAreCompared(t *testing.T) {
	runs, spec := comparedRuns(t)
	out := filepath.Join(t.TempDir(), "compared")
	c, err := Compare(t.Context(), compareOptions(runs, spec, out))
	require.NoError(t, err)
	require.Len(t, c.Models, 4)
	for _, m := range c.Models {
		assert.Positive(t, m.ImagesPerSecond, m.Name)
		assert.Positive(t, m.Seconds, m.Name)
		assert.Equal(t, int64(24), m.Images, m.Name)
	}
	vae := c.Models[1]
	assert.Equal(t, 64*4+4+4*4+4+4*6+6+3*5+5+5*5+5+5*64+64, vae.Parameters, "both networks")
	assert.Equal(t, 3*5+5+5*5+5+5*64+64, vae.Drawing, "the decoder")
	require.Len(t, c.Tables, 2, "no labels: no classifier")
	assert.NotEqual(t, c.Tables[0].Protocol, c.Tables[1].Protocol)
	for _, m := range c.Models {
		for name, r := range c.Tables[0].Metrics[m.Name] {
			_, ok := r.Figure("value")
			assert.True(t, ok, "%s of %s: %s", name, m.Name, r.Note)
		}
		assert.Len(t, c.Tables[0].Metrics[m.Name], 3)
		assert.Contains(t, c.Tables[1].Metrics[m.Name], "parzen")
	}
	require.Len(t, c.Likelihoods, 2)
	assert.Equal(t, "Bernoulli, binarisation fixed", c.Likelihoods[0].Of)
	assert.Len(t, c.Likelihoods[0].Models, 2)
	assert.Contains(t, c.Likelihoods[1].Models, "4-levels")

	// The figures are eval's own of the same checkpoint.
	o := EvalOptions{Checkpoint: runs[2], Against: spec, N: 20, Metrics: []string{"nll"}, Device: "cpu"}
	o.Measures.Settings().Reset()
	o.Likelihood.Settings().Reset()
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, e.Metrics["nll"].Value, c.Likelihoods[0].Models["3-pix"].Value)

	text, err := os.ReadFile(filepath.Join(out, "compare.md"))
	require.NoError(t, err)
	assert.Equal(t, c.Markdown(), string(text))
	assert.Contains(t, string(text), "| 1-gan | - | - | - | - | - |")
	var read map[string]any
	numbers, err := os.ReadFile(filepath.Join(out, "compare.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(numbers, &read))
	assert.Len(t, read["models"], 4)
	assert.Equal(t, image.Rect(0, 0, 5*(8+2)+2, 10*(8+2)+2), decoded(t, filepath.Join(out, "compare.png")).Bounds())
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Len(t, left, 3, "what was drawn is gone")

	again := compareOptions(runs[:2], spec, out)
	again.Metrics = []string{"swd"}
	c, err = Compare(t.Context(), again)
	require.NoError(t, err)
	assert.Len(t, c.Tables, 1)
	assert.Empty(t, c.Likelihoods, "not asked for")
}

// A model that learnt labels draws the classes as often as the data have them that it is compared with, as eval does; of data with
// other classes, its own in turn.
func TestModelsAreComparedByTheClassesOfTheData(t *testing.T) {
	c := conditionalConfig(t, "concat")
	c.Run.Steps, c.Method.LR = 20, .02 // what it draws shows which class was asked for
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	for _, against := range []struct {
		spec, told string
		want       []int
	}{
		{uneven(t), "classes as often as in the real data", []int{5, 5, 30}},
		{"folder:" + gantest.Labelled(t, 21, 2), "classes in turn", []int{14, 13, 13}},
	} {
		at := &comparing{CompareOptions: compareOptions([]string{res.Checkpoint}, against.spec, ""), ctx: t.Context(), work: t.TempDir()}
		at.N = 40
		require.NoError(t, at.draw(0))
		require.NoError(t, at.real.Close())
		assert.Equal(t, against.told, at.Models[0].Labels)
		assert.Contains(t, at.Markdown(), "run learnt labels: it draws "+against.told+".")
		assert.Equal(t, against.want, classesDrawn(t, res.Checkpoint, at.samples(0), at.N))
	}
}

// classesDrawn is how many of n samples of seed 0 in a file are of each class: those that the checkpoint draws when it is asked for it.
func classesDrawn(t *testing.T, checkpoint, path string, n int) []int {
	t.Helper()
	ds, err := data.Open("npy:"+path, data.Options{})
	require.NoError(t, err)
	defer ds.Close()
	require.Equal(t, n, ds.Len())
	d, err := openDrawer(t.Context(), checkpoint, false, "cpu")
	require.NoError(t, err)
	defer d.Root.Close()
	drawn, got := make([]int, len(d.classes)), make([]byte, d.Shape.Bytes())
	for class := range d.classes {
		d.n, d.drawn = n, 0
		d.sampler.Label = func(int) int64 { return int64(class) }
		require.NoError(t, d.chosen(SampleOptions{}))
		for i := range n {
			asked := make([]byte, len(got))
			_, err := io.ReadFull(d, asked)
			require.NoError(t, err)
			require.NoError(t, ds.Read(0, i, got))
			if bytes.Equal(got, asked) {
				drawn[class]++
			}
		}
	}
	return drawn
}

func TestWhatIsNotCompared(t *testing.T) {
	runs, spec := comparedRuns(t)
	other := tinyConfig(t)
	other.Run.Steps = 1
	res, err := train(t, t.Context(), other, &gantest.Recorder{})
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "out")
	for want, o := range map[string]CompareOptions{
		"1 checkpoints: name two or more": compareOptions(runs[:1], spec, out),
		"compare models of one size":      compareOptions([]string{runs[0], res.Checkpoint}, spec, out),
		"no such file":                    compareOptions([]string{runs[0], runs[0] + "x"}, spec, out),
		"--against is needed":             compareOptions(runs, "", out),
	} {
		_, err := Compare(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
}
