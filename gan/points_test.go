package gan

import (
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"forger/data"
	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/gan/model"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withPoints adds a small model of points to the table.
func withPoints(t *testing.T) {
	t.Cleanup(func() { delete(model.Table, "points") })
	model.Table["points"] = model.Entry{
		Doc: "for tests", Points: true,
		Generator: func(b *model.Builder, o model.Options, of data.Shape) nn.Module {
			s, g := b.Scope, b.Init()
			return nn.Sequential{
				nn.Reshape{-1, o.Latent}, nn.NewLinear(s, g, o.Latent, o.GenWidth, false), nn.ReLU().InPlace(),
				nn.NewLinear(s, g, o.GenWidth, of.Points, false),
			}
		},
		Discriminator: func(b *model.Builder, o model.Options, of data.Shape) nn.Module {
			s, g := b.Scope, b.Init()
			return nn.Sequential{
				nn.NewLinear(s, g, of.Points, o.DiscWidth, false), nn.LeakyReLU(.2).InPlace(), nn.NewLinear(s, g, o.DiscWidth, 1, false), nn.Reshape{-1},
			}
		},
	}
}

// Points go the way of images: from a file through every feed to the step, samples, checkpoints, exports and benchmarks.
func TestPointsAreTrainedLikeImages(t *testing.T) {
	withPoints(t)
	file := filepath.Join(t.TempDir(), "points.npy")
	require.NoError(t, writeFloats(file, []int{50, 3}, torchtest.Fill(3, 150)))
	c := tinyConfig(t)
	c.Data.Spec, c.Data.Size, c.Method.Model.Name, c.Method.EMA, c.Run.VerifyResume = "npy:"+file, 0, "points", .9, 5
	_, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	c.Run.VerifyResume = 0
	var ends []gantest.Left
	for _, cache := range []string{"none", "device"} {
		c.Data.Cache, c.Run.Out = cache, filepath.Join(t.TempDir(), cache)
		res, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err)
		ends = append(ends, gantest.LeftBy(t, res))
		shape, values, err := data.ReadNPY[float32](res.LastSample)
		require.NoError(t, err)
		assert.Equal(t, []int{64, 3}, shape)
		assert.NotZero(t, values[0])
		out := filepath.Join(t.TempDir(), "drawn.npy")
		require.NoError(t, Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Out: out, N: 5, Device: "cpu", Average: true}))
		shape, _, err = data.ReadNPY[float32](out)
		require.NoError(t, err)
		assert.Equal(t, []int{5, 3}, shape)
		err = Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Out: out + ".png", N: 5, Device: "cpu"})
		assert.ErrorContains(t, err, "the network makes points: name a .npy")
		assert.NoError(t, Export(export.Options{Checkpoint: res.Checkpoint, Net: "generator", Format: "onnx", Out: filepath.Join(t.TempDir(), "g.onnx")}))
	}
	assert.Equal(t, ends[0], ends[1])
	measured, err := Bench(t.Context(), c, bench.Options{Steps: 2})
	require.NoError(t, err)
	assert.Positive(t, measured.GFlopPerImage)

	c.Method.Model.Name, c.Run.Out = "dcgan", filepath.Join(t.TempDir(), "no")
	_, err = train(t, t.Context(), c, &gantest.Recorder{})
	assert.ErrorContains(t, err, "--model dcgan: it makes images, and the data are points of 3 numbers: take a model for points")
}

// A batch that no memory holds is refused before it is tried, with the largest that fits.
func TestABatchThatCannotFitIsRefused(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Device, c.Run.Batch, c.Data.Size, c.Data.Channels = "cpu", 60000, 64, 3
	c.Method.Model.GenWidth, c.Method.Model.DiscWidth = 64, 64
	_, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.Error(t, err)
	found := regexp.MustCompile(`^--batch 60000: a step takes about \d+ MiB, and \d+ MiB are free: use --batch (\d+) or less$`).FindStringSubmatch(err.Error())
	require.Len(t, found, 2, err.Error())
	most, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	assert.Greater(t, most, 64)
	assert.NoDirExists(t, c.Run.Out)
}
