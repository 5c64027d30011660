package gan

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/bench"
	"forger/gan/checkpoint"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"
	"forger/vision"

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
	c.Data.Spec, c.Data.Size, c.Method.Model.Name, c.Method.EMA, c.Run.VerifyResume = "npy:"+file, vision.Size{}, "points", .9, 5
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
		assert.Equal(t, []int{2500, 3}, shape)
		assert.NotZero(t, values[0])
		out := filepath.Join(t.TempDir(), "drawn.npy")
		require.NoError(t, Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Out: out, N: 5, Device: "cpu", Average: true}))
		shape, _, err = data.ReadNPY[float32](out)
		require.NoError(t, err)
		assert.Equal(t, []int{5, 3}, shape)
		err = Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Out: out + ".png", N: 5, Device: "cpu"})
		assert.ErrorContains(t, err, "points of 3 numbers have no picture: name a .npy or a .csv")
		err = Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Out: t.TempDir(), N: 5, Device: "cpu"})
		assert.ErrorContains(t, err, "the network makes points: name a .npy, a .csv or a .png")
		err = Interpolate(t.Context(), InterpolateOptions{Checkpoint: res.Checkpoint, Out: out + ".gif", Device: "cpu"})
		assert.ErrorContains(t, err, "it makes points, and a walk is of pictures: use forger sample")
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

// A toy is trained, resumed, drawn and exported like everything else; its pictures show the same each time, whatever draws them.
func TestToys(t *testing.T) {
	for spec, latent := range map[string]int{"gaussian1d": 1, "ring8": 2} {
		c := tinyConfig(t)
		c.Data.Spec, c.Data.Size, c.Data.Channels, c.Method.Model.Name, c.Method.Model.Latent, c.Method.Prior = spec, vision.Size{}, 0, "toy", latent, "uniform01"
		c.Method.Model.GenWidth = 16
		c.Run.SampleEvery, c.Run.Out = 3, filepath.Join(t.TempDir(), "run")
		res, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err)
		whole := gantest.LeftBy(t, res)
		last := filepath.Base(res.LastSample)
		require.Contains(t, whole.Samples, last)
		require.Contains(t, whole.Samples, "real.png")

		half := c
		half.Run.Steps, half.Run.Out = 3, filepath.Join(t.TempDir(), "half")
		_, err = train(t, t.Context(), half, &gantest.Recorder{})
		require.NoError(t, err)
		goneOn, err := resume(t, half.Run.Out, &gantest.Recorder{}, "steps", strconv.Itoa(c.Run.Steps))
		require.NoError(t, err)
		assert.Equal(t, whole.Samples[last], gantest.LeftBy(t, goneOn).Samples[last], "the resumed run draws the same picture")

		dir := t.TempDir()
		draw := func(o SampleOptions) []byte {
			o.Checkpoint, o.Device = res.Checkpoint, "cpu"
			require.NoError(t, Sample(t.Context(), o))
			file, err := os.ReadFile(o.Out)
			require.NoError(t, err)
			return file
		}
		raw := filepath.Join(dir, "raw.npy")
		file := draw(SampleOptions{Out: filepath.Join(dir, "a.csv"), Raw: raw, N: 70})
		table := strings.Split(strings.TrimSpace(string(file)), "\n")
		assert.Equal(t, "x1,x2"[:3*latent-1], table[0])
		shape, values, err := data.ReadNPY[float32](raw)
		require.NoError(t, err)
		assert.Equal(t, []int{70, latent}, shape)
		require.Len(t, table, 71)
		for i, row := range table[1:] {
			for k, field := range strings.Split(row, ",") {
				v, err := strconv.ParseFloat(field, 32)
				require.NoError(t, err)
				assert.Equal(t, values[i*latent+k], float32(v))
			}
		}
		array := filepath.Join(dir, "b.npy")
		draw(SampleOptions{Out: array, N: 70})
		_, again, err := data.ReadNPY[float32](array)
		require.NoError(t, err)
		assert.Equal(t, values, again)
		picture := draw(SampleOptions{Out: filepath.Join(dir, "c.png")})
		assert.Equal(t, picture, draw(SampleOptions{Out: filepath.Join(dir, "d.png"), N: 2500}))
		assert.NotEqual(t, file, draw(SampleOptions{Out: filepath.Join(dir, "e.csv"), N: 70, Seed: 1}))
	}
}

// The picture that sample draws of two dimensions, as a training does, shows what the discriminator makes of the plane; of one
// that is told labels, what it makes of each place as the class that suits it best.
func TestAPictureShowsTheDiscriminator(t *testing.T) {
	for way, classes := range map[string]int{"none": 0, "concat": 8, "projection": 8, "auxiliary": 0} {
		c := tinyConfig(t)
		c.Data.Spec, c.Data.Size, c.Data.Channels, c.Method.Model.Name, c.Run.Steps = "ring8", vision.Size{}, 0, "toy", 1
		c.Method.Model.Conditional = way
		res, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err, way)
		d, err := openDrawer(t.Context(), res.Checkpoint, false, "cpu")
		require.NoError(t, err)
		defer d.Root.Close()
		disc, err := checkpoint.Open(res.Checkpoint, "discriminator", false, "cpu", networks)
		require.NoError(t, err)
		defer disc.Root.Close()
		s := disc.Root.Child()
		defer s.Close()
		at := []float32{-4, 4, .5, -.25}
		want := []float32{float32(math.Inf(-1)), float32(math.Inf(-1))}
		for class := range max(1, classes) {
			score := disc.Net.Module.Forward
			if classes > 0 {
				score = func(x torch.Tensor) torch.Tensor {
					return nn.ForwardFor(disc.Net.Module, x, s.FromInts([]int64{int64(class), int64(class)}, 2))
				}
			}
			for i, v := range score(s.FromFloats(at, 2, 2)).Floats() {
				want[i] = max(want[i], v)
			}
		}
		assert.Equal(t, want, d.Judge.Scores(d.Root.Child(), at), way)
		assert.NotEqual(t, want[0], want[1])
	}
}

// A batch that no memory holds is refused before it is tried, with the largest that fits.
func TestABatchThatCannotFitIsRefused(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Device, c.Run.Batch, c.Data.Size, c.Data.Channels = "cpu", 60000, vision.Square(64), 3
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
