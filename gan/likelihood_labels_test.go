package gan

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/gan/report"
	"forger/internal/setting"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shades are pictures of classes in turn, the whiter the later the class but for a pixel of each, as a source of data.
func shades(t *testing.T, n, classes int) (spec string) {
	t.Helper()
	dir := gantest.Labelled(t, n, classes)
	for i := range n {
		one := vision.Image{Height: 8, Width: 8, Channels: 1, Pix: make([]byte, 64)}
		for k := range one.Pix {
			if white := k%(classes-1) < i%classes; white != (k == i) {
				one.Pix[k] = 255
			}
		}
		require.NoError(t, vision.SavePNG(filepath.Join(dir, fmt.Sprintf("%03d.png", i)), one))
	}
	return "folder:" + dir
}

// taught is a checkpoint of one of likelyRuns that has learnt what shades have of their labels, and the data.
func taught(t *testing.T, name string) (checkpoint, spec string) {
	t.Helper()
	c := likelyRuns[name].config(t)
	c.Data.Spec = shades(t, 24, likelyClasses)
	c.Run.Steps, c.Method.LR, c.Method.EMA, c.Method.Model.GenWidth = 60, .01, 0, 16
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	return res.Checkpoint, c.Data.Spec
}

// rawOf draws samples as numbers, of so many each.
func rawOf(t *testing.T, o SampleOptions, each int) (all [][]float32) {
	t.Helper()
	o.Device, o.Raw = "cpu", filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, Sample(t.Context(), o))
	_, values, err := data.ReadNPY[float32](o.Raw)
	require.NoError(t, err)
	return slices.Collect(slices.Chunk(values, each))
}

// A VAE that learnt labels draws one latent of each class otherwise, and walks between pictures of the classes that are named.
func TestAVAEGivenLabelsDrawsAndWalks(t *testing.T) {
	checkpoint, _ := taught(t, "vae given labels")
	latent, dir := filepath.Join(t.TempDir(), "z.npy"), t.TempDir()
	require.NoError(t, writeFloats(latent, []int{3, 3}, []float64{1, -1, .5, 1, -1, .5, 1, -1, .5}))
	each := rawOf(t, SampleOptions{Checkpoint: checkpoint, Latents: latent, Label: "class0,class1,class2"}, 64)
	assert.NotEqual(t, each[0], each[1])
	assert.NotEqual(t, each[1], each[2])
	one := rawOf(t, SampleOptions{Checkpoint: checkpoint, Latents: latent, Label: "class1"}, 64)
	assert.InDeltaSlice(t, each[1], one[0], 1e-6)
	assert.InDeltaSlice(t, one[0], one[2], 1e-6)
	assert.Len(t, rawOf(t, SampleOptions{Checkpoint: checkpoint}, 64), 8*likelyClasses, "a row of eight each")

	pictures := gantest.Pictures(t, 9)
	walk := func(label, to string) (ends [2][64]color.Color, err error) {
		o := InterpolateOptions{
			Checkpoint: checkpoint, Out: filepath.Join(dir, "walk.png"), Frames: 5, Device: "cpu", Label: label, ToLabel: to,
			From: filepath.Join(pictures, "002.png"), To: filepath.Join(pictures, "007.png"),
		}
		if err := Interpolate(t.Context(), o); err != nil {
			return ends, err
		}
		strip := decoded(t, o.Out)
		for end, tile := range []int{1, 5} { // beside the pictures
			for i := range ends[end] {
				ends[end][i] = strip.At(2+10*tile+i%8, 2+i/8)
			}
		}
		return ends, nil
	}
	darks, err := walk("class0", "")
	require.NoError(t, err)
	brights, err := walk("class2", "class2")
	require.NoError(t, err)
	both, err := walk("class0", "class2")
	require.NoError(t, err)
	assert.NotEqual(t, darks, brights)
	assert.Equal(t, [2][64]color.Color{darks[0], brights[1]}, both, "each end is encoded and decoded as its class")
	_, err = walk("", "")
	assert.ErrorContains(t, err, "the network tells latents given the class, which a picture does not name: add --label")
	_, err = walk("cat", "")
	assert.ErrorContains(t, err, "no class \"cat\": have class0, class1, class2")
	random := InterpolateOptions{Checkpoint: checkpoint, Out: filepath.Join(dir, "random.gif"), Frames: 3, Device: "cpu", Label: "class0", ToLabel: "class2"}
	require.NoError(t, Interpolate(t.Context(), random))
}

// A PixelCNN that learnt labels completes an image of its own class, where the data name it, or of the one that is asked for.
func TestAPixelCNNCompletesGivenLabels(t *testing.T) {
	checkpoint, spec := taught(t, "pixelcnn given labels")
	complete := func(spec, label string) [][]float32 {
		return rawOf(t, SampleOptions{Checkpoint: checkpoint, Complete: spec, KeepRows: 2, N: 3, Seed: 4, Label: label}, 64)
	}
	own := complete(spec, "")
	assert.Equal(t, complete(spec, "class0,class1,class2"), own, "the first three are of the classes in turn")
	others := complete(spec, "class2,class0,class1")
	for i := range own {
		assert.NotEqual(t, own[i], others[i], "image %d", i)
		assert.Equal(t, own[i][:16], others[i][:16], "image %d: the rows that stay", i)
	}
	plain := "folder:" + gantest.Pictures(t, 24)
	assert.Equal(t, complete(plain, "class0,class1"), complete(plain, ""), "no classes: a row each, of two")
	assert.NotEqual(t, rawOf(t, SampleOptions{Checkpoint: checkpoint, N: 3, Label: "class0"}, 64), rawOf(t, SampleOptions{Checkpoint: checkpoint, N: 3, Label: "class1"}, 64))
}

// A reconstruction is of its image's class: where latents are too dear to say anything, that is all that it tells.
func TestReconstructionsAreOfTheImagesClasses(t *testing.T) {
	c := likelyRuns["vae given labels"].config(t)
	c.Data.Spec = shades(t, 24, likelyClasses)
	c.Run.Steps, c.Run.SampleEvery, c.Method.LR, c.Method.EMA, c.Method.Model.GenWidth, c.Method.Beta = 300, 300, .02, 0, 16, 50
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	m := decoded(t, filepath.Join(res.Dir, "samples", "reconstructions-00000300.png"))
	white := func(tile int) (share float64) {
		for i := range 64 {
			gray, _, _, _ := m.At(2+tile%report.GridColumns*10+i%8, 2+tile/report.GridColumns*10+i/8).RGBA()
			share += float64(gray) / 0xffff / 64
		}
		return share
	}
	for pair := range 24 {
		assert.InDelta(t, white(2*pair), white(2*pair+1), .2, "pair %d", pair)
	}
}

// relabelled is shades whose first so many have classes that are moved on by some.
func relabelled(t *testing.T, n, by, classes int) string {
	t.Helper()
	spec, lines := shades(t, 24, likelyClasses), ""
	for i := range n {
		lines += fmt.Sprintf("%03d.png,class%d\n", i, (i+by)%classes)
	}
	require.NoError(t, os.WriteFile(filepath.Join(strings.TrimPrefix(spec, "folder:"), "labels.csv"), []byte(lines), 0o644))
	return spec
}

// A likelihood is given an image's own label, says so, and stands in no table with one that is given none. Data of other classes
// have none; each class is judged.
func TestALikelihoodGivenLabels(t *testing.T) {
	for _, name := range []string{"vae given labels", "pixelcnn given labels"} {
		checkpoint, spec := taught(t, name)
		o := asked()
		o.Checkpoint, o.Metrics, o.N = checkpoint, []string{nll}, 24
		o.Likelihood.Samples = 50
		nats := func(against string) float64 {
			o.Against = against
			e, err := Eval(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, "Bernoulli, binarisation fixed, given the label", e.Metrics[nll].Text("likelihood"))
			return e.Metrics[nll].Value
		}
		own := nats(spec)
		assert.InDelta(t, own, nats(relabelled(t, 24, 0, 3)), 1e-4, name)
		assert.Greater(t, math.Abs(own-nats(relabelled(t, 24, 1, 3))), 1e-3, "%s: other labels", name)

		for _, against := range []string{"folder:" + gantest.Pictures(t, 24), relabelled(t, 24, 0, 2), relabelled(t, 6, 0, 3)} {
			o.Against = against
			e, err := Eval(t.Context(), o)
			require.NoError(t, err)
			assert.Contains(t, e.Metrics[nll].Note, "given its class, and not all of "+against+" are of the classes that it learnt ([class0 class1 class2])")
			_, ok := e.Metrics[nll].Figure("value")
			assert.False(t, ok)
		}

		o.Against, o.Features, o.PerClass = spec, "random", true
		_, err := Eval(t.Context(), o)
		assert.ErrorContains(t, err, "--metrics nll: it draws no samples, which --per-class, --neighbours and --save-stats are about")
		o.Metrics = []string{nll, "fid"}
		e, err := Eval(t.Context(), o)
		require.NoError(t, err)
		require.Len(t, e.Classes, likelyClasses)
		assert.Equal(t, "class2", e.Classes[2].Class)
		assert.Equal(t, "classes as often as in the real data", e.Protocol.Labels)

		unconditional := trained(t, map[string]string{"vae given labels": "vae", "pixelcnn given labels": "pixelcnn"}[name])
		compared := compareOptions([]string{checkpoint, unconditional.Checkpoint}, spec, filepath.Join(t.TempDir(), "compared"))
		compared.Metrics = []string{nll, "swd"}
		c, err := Compare(t.Context(), compared)
		require.NoError(t, err)
		require.Len(t, c.Likelihoods, 2, "a table each")
		assert.Len(t, c.Likelihoods[0].Models, 1)
		assert.Contains(t, c.Markdown(), "## Likelihood: Bernoulli, binarisation fixed, given the label\n")
	}
}

// What a VAE or a PixelCNN cannot learn of labels is refused by name.
func TestLabelsThatALikelihoodCannotLearn(t *testing.T) {
	for _, name := range []string{"vae given labels", "pixelcnn given labels"} {
		for _, way := range []string{"projection", "auxiliary"} {
			c := likelyRuns[name].config(t)
			c.Method.Model.Conditional = way
			var usage *setting.UsageError
			require.ErrorAs(t, c.Check(), &usage)
			assert.EqualError(t, usage, fmt.Sprintf("--conditional %s: it is a discriminator's, and --method %s has none: use --conditional concat", way, c.Method.Method))
		}
		for spec, want := range map[string]string{
			"folder:" + gantest.Pictures(t, 9):    "--conditional concat: folder:%s has no labels: use labelled data, or leave it out",
			"folder:" + gantest.Labelled(t, 9, 1): "--conditional concat: all of folder:%s have one label: use data of several classes, or leave it out",
		} {
			c := likelyRuns[name].config(t)
			c.Data.Spec, c.Data.Balance = spec, false
			_, err := train(t, t.Context(), c, &gantest.Recorder{})
			assert.EqualError(t, err, fmt.Sprintf(want, spec[len("folder:"):]))
		}
		c := likelyRuns[name].config(t)
		c.Run.Steps = 1
		_, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err)
		refusesAFourthClass(t, c.Run.Out)
	}
}
