package gan

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/gantest"
	"forger/gan/report"
	"forger/torch/pt"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tinyConfig is a run of a second, on CUDA where there is one.
func tinyConfig(t *testing.T) Config {
	c := DefaultConfig()
	c.Data.Size, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Method.Model.Latent, c.Run.Batch = vision.Square(16), 2, 2, 4, 8
	c.Run.Steps, c.Run.LogEvery, c.Run.SampleEvery, c.Run.CheckpointEvery = 12, 4, 6, 5
	c.Run.Device, c.Run.Deterministic, c.Run.Layout = "auto", true, "channels_last"
	c.Run.Out = filepath.Join(t.TempDir(), "run")
	return c
}

// train trains on a thread of its own: a failed run leaves nothing on the test's.
func train(t *testing.T, ctx context.Context, c Config, r *gantest.Recorder) (report.Result, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return Train(ctx, c, r)
}

func TestTrainLeavesARunDirectory(t *testing.T) {
	c := tinyConfig(t)
	var r gantest.Recorder
	res, err := train(t, context.Background(), c, &r)
	require.NoError(t, err)
	assert.Equal(t, int64(12), res.Step)
	assert.Equal(t, int64(96), res.Images)
	assert.False(t, res.Stopped)
	assert.Equal(t, int64(12), r.Start.TotalSteps)

	var found []string
	require.NoError(t, filepath.WalkDir(c.Run.Out, func(path string, e os.DirEntry, err error) error {
		if !e.IsDir() {
			found = append(found, path[len(c.Run.Out)+1:])
		}
		return err
	}))
	require.Len(t, found, 11)
	assert.Regexp(t, `^events\.out\.tfevents\.\d{10}\.[\w.-]+\.\d+\.0$`, found[6])
	assert.Equal(t, []string{
		".lock", "checkpoints/latest", "checkpoints/step-00000005.pt", "checkpoints/step-00000010.pt",
		"checkpoints/step-00000012.pt", "config.yaml", "metrics.jsonl",
		"samples/real.png", "samples/step-00000006.png", "samples/step-00000012.png",
	}, slices.Delete(found, 6, 7))

	text, err := os.ReadFile(filepath.Join(c.Run.Out, "metrics.jsonl"))
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	require.Len(t, lines, 3)
	for i, line := range lines {
		var m map[string]float64
		require.NoError(t, json.Unmarshal(line, &m))
		delete(m, "grad_g") // of every tenth step
		assert.Equal(t, []string{
			"d_fake", "d_real", "data_wait", "diversity", "epoch", "host_mib", "images", "images_per_second", "js_estimate", "loss_d", "loss_g",
			"seconds", "step", "value_gap",
		}, slices.Sorted(maps.Keys(m)))
		assert.Equal(t, float64(4*(i+1)), m["step"])
		assert.Equal(t, float64(32*(i+1)), m["images"])
		assert.Greater(t, m["d_real"], 0.0)
		assert.Less(t, m["d_real"], 1.0)
	}
}

// sameRun is what must not differ between two runs of one seed.
func sameRun(t *testing.T, c Config) gantest.Left {
	t.Helper()
	res, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	return gantest.LeftBy(t, res)
}

func TestOneSeedGivesOneRunWhateverTheWorkers(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Workers = 1
	want := sameRun(t, c)
	require.Greater(t, len(want.State), 50)
	for _, workers := range []int{1, 2, 5} {
		c := tinyConfig(t)
		c.Run.Workers = workers
		assert.Equal(t, want, sameRun(t, c), "%d workers", workers)
	}
	other := tinyConfig(t)
	other.Run.Seed = 1
	assert.NotEqual(t, want.Metrics, sameRun(t, other).Metrics)
}

// How often a run samples moves neither its weights nor its running statistics nor its random numbers.
func TestSamplingChangesNothing(t *testing.T) {
	c := tinyConfig(t)
	c.Run.SampleEvery = 1
	often := checkpointOf(t, c)
	c = tinyConfig(t)
	c.Run.SampleEvery = 100
	assert.Equal(t, checkpointOf(t, c), often)
}

func checkpointOf(t *testing.T, c Config) map[string]any {
	t.Helper()
	res, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	return gantest.State(t, res.Checkpoint)
}

func TestASignalFinishesTheStepAndSaves(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Steps = 1000
	ctx, cancel := context.WithCancel(context.Background())
	r := gantest.Recorder{OnStep: func(step int64) {
		if step == 7 {
			cancel()
		}
	}}
	res, err := train(t, ctx, c, &r)
	require.NoError(t, err)
	assert.True(t, res.Stopped)
	assert.Equal(t, int64(7), res.Step)
	assert.FileExists(t, filepath.Join(c.Run.Out, "checkpoints", "step-00000007.pt"))
	assert.FileExists(t, filepath.Join(c.Run.Out, "samples", "step-00000007.png"))
	assert.Len(t, r.Lines, 1, "the last save does not log")
}

// The checkpoint is opened by real PyTorch, safely; its networks and optimizers are the official ones.
func TestPyTorchOpensACheckpoint(t *testing.T) {
	python := torchtest.Python(t)
	c := tinyConfig(t)
	c.Data.Size, c.Data.Channels, c.Method.Model.Latent, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Run.Steps = vision.Square(64), 3, 100, 4, 4, 2
	res, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	grid := filepath.Join(t.TempDir(), "grid.png")
	raw := filepath.Join(t.TempDir(), "raw.npy")
	latents := filepath.Join(t.TempDir(), "z.npy")
	require.NoError(t, writeFloats(latents, []int{3, 100}, torchtest.Fill(5, 300)))
	require.NoError(t, Sample(context.Background(), SampleOptions{
		Checkpoint: res.Checkpoint, Out: grid, Raw: raw, Latents: latents, Device: "cpu",
	}))
	var got struct {
		Keys       []string
		Difference float64
		Step       int
		Moved      bool
	}
	script := filepath.Join(torchtest.Root(t), "scripts", "open_checkpoint.py")
	torchtest.JSON(t, &got, python, script, res.Checkpoint, "4", latents, raw)
	assert.Equal(t, []string{
		"config", "data", "discriminator", "fixed", "format", "generator", "health", "images", "meta", "meters", "optimizer_d", "optimizer_g",
		"rng", "step",
	}, got.Keys)
	assert.Equal(t, 2, got.Step)
	assert.Less(t, got.Difference, 2e-5)
	assert.True(t, got.Moved, "torch.optim.Adam goes on from our state")
}

func writeFloats(path string, shape []int, values []float64) error {
	var b bytes.Buffer
	for _, v := range values {
		bits := math.Float32bits(float32(v))
		b.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
	}
	return data.WriteNPY(path, "<f4", shape, func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
}

// A loss that becomes NaN ends the run with its name, its step and the last good checkpoint; nothing bad is saved.
func TestALossThatIsNotFiniteEndsTheRun(t *testing.T) {
	c := tinyConfig(t)
	c.Method.LR, c.Method.Optim, c.Run.CheckpointEvery, c.Run.LogEvery, c.Run.Steps = 1e36, "sgd", 1, 100, 100
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	var bad *checkpoint.NotFiniteError
	require.ErrorAs(t, err, &bad)
	assert.Regexp(t, `is not finite at step \d+: (there is no checkpoint|the last good checkpoint is .*step-\d+\.pt)`, err.Error())
	assert.Contains(t, err.Error(), "lower --lr")
	files, err := filepath.Glob(filepath.Join(c.Run.Out, "checkpoints", "*.pt"))
	require.NoError(t, err)
	for _, path := range files {
		root, err := pt.Load(path)
		require.NoError(t, err)
		assert.NoError(t, checkpoint.Finite(root.(*pt.Dict), 0), path)
	}
}

func TestASourceThatCannotBeReadLeavesNothing(t *testing.T) {
	c := tinyConfig(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.png"), []byte("not a picture"), 0o644))
	c.Data.Spec = "folder:" + dir
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.ErrorContains(t, err, "a.png: not a JPEG, PNG, GIF, WebP, BMP, TIFF or PPM file")
	assert.NoDirExists(t, c.Run.Out)
}

func TestADryRunWritesNothing(t *testing.T) {
	c := tinyConfig(t)
	c.Run.DryRun = true
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	assert.NoDirExists(t, c.Run.Out)
}

func TestSampleRefusesWhatIsNoCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pt")
	out := filepath.Join(t.TempDir(), "grid.png")
	require.NoError(t, pt.WriteFile(path, pt.NewDict()))
	err := Sample(context.Background(), SampleOptions{Checkpoint: path, Out: out, N: 1, Device: "cpu"})
	assert.ErrorContains(t, err, "not a checkpoint of forger")
	err = Sample(context.Background(), SampleOptions{Checkpoint: path + "x", Out: out, N: 1, Device: "cpu"})
	assert.ErrorContains(t, err, "no such file")
	assert.NoFileExists(t, out)
}
