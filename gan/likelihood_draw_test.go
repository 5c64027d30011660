package gan

import (
	"bytes"
	"image"
	_ "image/gif"
	_ "image/png"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/gan/report"
	"forger/internal/setting"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trained is a checkpoint of one of likelyRuns.
func trained(t *testing.T, name string) report.Result {
	t.Helper()
	res, err := train(t, t.Context(), likelyRuns[name].config(t), &gantest.Recorder{})
	require.NoError(t, err)
	return res
}

// A PixelCNN draws from given uniforms what it draws from the seed that they are of; it completes images whose rows above stay;
// it says how far it is, and that it has no latents.
func TestAPixelCNNDrawsAndCompletes(t *testing.T) {
	res, dir := trained(t, "pixelcnn"), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	var told []float64
	o := SampleOptions{Checkpoint: res.Checkpoint, N: 70, Seed: 3, Raw: at("a.npy"), Device: "cpu", Tell: func(share float64) { told = append(told, share) }}
	require.NoError(t, Sample(t.Context(), o))
	assert.Len(t, told, 2*8, "two batches of eight rows")
	assert.IsIncreasing(t, told)
	assert.InDelta(t, 1, told[15], 1e-9)
	o.N, o.Seed, o.Seeds, o.Raw = 0, 0, []uint64{3, 3}, at("b.npy")
	require.NoError(t, Sample(t.Context(), o))
	_, a, err := data.ReadNPY[float32](at("a.npy"))
	require.NoError(t, err)
	shape, b, err := data.ReadNPY[float32](at("b.npy"))
	require.NoError(t, err)
	assert.Equal(t, []int{2, 1, 8, 8}, shape)
	assert.Equal(t, b[:64], b[64:], "a seed gives the same image")
	for _, v := range a {
		require.Contains(t, []float32{-1, 1}, v)
	}

	pictures := gantest.Pictures(t, 5)
	o = SampleOptions{Checkpoint: res.Checkpoint, Complete: "folder:" + pictures, KeepRows: 3, Raw: at("c.npy"), Out: at("c.png"), Device: "cpu"}
	require.NoError(t, Sample(t.Context(), o))
	shape, c, err := data.ReadNPY[float32](at("c.npy"))
	require.NoError(t, err)
	require.Equal(t, []int{5, 1, 8, 8}, shape)
	config := likelyRuns["pixelcnn"].config(t)
	config.Data.Spec = o.Complete
	ds, err := config.Data.Open(0, 0)
	require.NoError(t, err)
	defer ds.Close()
	for i := range 5 {
		pixels := make([]byte, 64)
		require.NoError(t, ds.Read(0, i, pixels))
		for k := range 3 * 8 {
			want := float32(-1)
			if pixels[k] >= 128 {
				want = 1
			}
			require.Equal(t, want, c[i*64+k], "image %d, number %d", i, k)
		}
	}
	for want, change := range map[string]func(o *SampleOptions){
		"--keep-rows 0: the images have 8: use 1 to 7": func(o *SampleOptions) { o.KeepRows = 0 },
		"--keep-rows 8": func(o *SampleOptions) { o.KeepRows = 8 },
		"no such file":  func(o *SampleOptions) { o.Complete = "folder:" + at("gone") },
		"--truncation 1: a pixelcnn draws from no latents": func(o *SampleOptions) { o.Truncation = 1 },
	} {
		wrong := o
		change(&wrong)
		assert.ErrorContains(t, Sample(t.Context(), wrong), want)
	}
	err = Interpolate(t.Context(), InterpolateOptions{Checkpoint: res.Checkpoint, Out: at("w.png"), Device: "cpu"})
	assert.ErrorContains(t, err, "a pixelcnn has no latent space: there is nothing to walk through")
}

// A VAE walks between two pictures: the strip begins and ends with them, and beside them are their reconstructions.
func TestAVAEWalksBetweenPictures(t *testing.T) {
	res, dir := trained(t, "vae"), t.TempDir()
	pictures := gantest.Pictures(t, 9)
	o := InterpolateOptions{
		Checkpoint: res.Checkpoint, Out: filepath.Join(dir, "strip.png"), Frames: 5, Device: "cpu",
		From: filepath.Join(pictures, "002.png"), To: filepath.Join(pictures, "007.png"),
	}
	require.NoError(t, Interpolate(t.Context(), o))
	strip := decoded(t, o.Out)
	assert.Equal(t, image.Rect(0, 0, 7*(8+2)+2, 8+2+2), strip.Bounds())
	o.From, o.To, o.Out = o.To, o.From, filepath.Join(dir, "back.png")
	require.NoError(t, Interpolate(t.Context(), o))
	back := decoded(t, o.Out)
	for i := range 7 {
		for y := range 8 {
			for x := range 8 {
				assert.Equal(t, strip.At(2+10*i+x, 2+y), back.At(2+10*(6-i)+x, 2+y), "the way back is the way there")
			}
		}
	}
	o.Out = filepath.Join(dir, "walk.gif")
	require.NoError(t, Interpolate(t.Context(), o))
	assert.Equal(t, image.Rect(0, 0, 8, 8), decoded(t, o.Out).Bounds())

	o.To = ""
	var usage *setting.UsageError
	require.ErrorAs(t, Interpolate(t.Context(), o), &usage)
	o.To = filepath.Join(dir, "gone.png")
	assert.ErrorContains(t, Interpolate(t.Context(), o), "gone.png: no such file or directory: name a picture")
	gan := tinyConfig(t)
	gan.Run.Steps = 1
	other, err := train(t, t.Context(), gan, &gantest.Recorder{})
	require.NoError(t, err)
	o.Checkpoint, o.To = other.Checkpoint, o.From
	assert.ErrorContains(t, Interpolate(t.Context(), o), "a gan does not tell the latents of a picture: it needs a vae")
	assert.ErrorContains(t, Sample(t.Context(), SampleOptions{Checkpoint: other.Checkpoint, Complete: "folder:" + pictures, KeepRows: 2, Out: "x.png", Device: "cpu"}),
		"a gan draws whole images: it needs a pixelcnn")
}

func decoded(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	m, _, err := image.Decode(bytes.NewReader(file))
	require.NoError(t, err)
	return m
}

// A GAN and data tell no likelihood, which is said where nll is asked beside what there is.
func TestWhatTellsNoLikelihood(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Steps = 1
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	o := EvalOptions{Checkpoint: res.Checkpoint, Metrics: []string{"nll", "swd"}, N: 8, Device: "cpu"}
	o.Measures.Settings().Reset()
	o.Likelihood.Settings().Reset()
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []string{"nll", "swd"}, e.Names)
	assert.Equal(t, "a gan tells no likelihood", e.Metrics["nll"].Note)
	_, ok := e.Metrics["swd"].Figure("value")
	assert.True(t, ok)
	o.Likelihood.Samples = 0
	_, err = Eval(t.Context(), o)
	assert.ErrorContains(t, err, "--nll-samples 0: too small")
	o.Checkpoint, o.Images, o.Against, o.Likelihood.Samples = "", "glyphs", "glyphs", 1
	o.Size = c.Data.Size
	e, err = Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, "data tell no likelihood: name a checkpoint", e.Metrics["nll"].Note)
	c.Run.Watch.Eval = "nll"
	_, err = train(t, t.Context(), c, &gantest.Recorder{})
	assert.ErrorContains(t, err, "--eval nll: a training does not ask it of itself")
}
