package gan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var shape16 = data.Shape{Height: 16, Width: 16, Channels: 1}

// fakeData is a source whose image i is a gradient, until image bad.
type fakeData struct {
	n, bad int
	shape  data.Shape
}

func (f fakeData) Spec() string        { return "fake" }
func (f fakeData) Len() int            { return f.n }
func (f fakeData) Shape() data.Shape   { return f.shape }
func (f fakeData) Label(int) int       { return -1 }
func (f fakeData) Classes() []string   { return nil }
func (f fakeData) Fingerprint() string { return "fake" }
func (f fakeData) Close() error        { return nil }
func (f fakeData) Read(_, i int, dst []byte) error {
	if f.bad > 0 && i == f.bad {
		return errors.New("image 13 is broken")
	}
	for k := range dst {
		dst[k] = byte(i + k)
	}
	return nil
}

// recorder is an Observer that remembers.
type recorder struct {
	started Started
	lines   []LogLine
	warned  []string
	stepped func(step int64)
}

func (r *recorder) Started(s Started) { r.started = s }
func (r *recorder) Logged(l LogLine)  { r.lines = append(r.lines, l) }
func (r *recorder) Wrote(string)      {}
func (r *recorder) Warned(s string)   { r.warned = append(r.warned, s) }
func (r *recorder) Stepped(step, _ int64) {
	if r.stepped != nil {
		r.stepped(step)
	}
}

// tinyConfig is a run of a second, on CUDA where there is one.
func tinyConfig(t *testing.T) Config {
	c := DefaultConfig()
	c.Size, c.GenWidth, c.DiscWidth, c.Latent, c.Batch = 16, 2, 2, 4, 8
	c.Steps, c.LogEvery, c.SampleEvery, c.CheckpointEvery = 12, 4, 6, 5
	c.Device, c.Deterministic, c.Layout = "auto", true, "channels_last"
	c.Out = filepath.Join(t.TempDir(), "run")
	return c
}

// train trains on a thread of its own: a failed run leaves nothing on the test's.
func train(t *testing.T, ctx context.Context, c Config, r *recorder) (Result, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return Train(ctx, c, r)
}

func TestTrainLeavesARunDirectory(t *testing.T) {
	c := tinyConfig(t)
	var r recorder
	res, err := train(t, context.Background(), c, &r)
	require.NoError(t, err)
	assert.Equal(t, int64(12), res.Step)
	assert.Equal(t, int64(96), res.Images)
	assert.False(t, res.Stopped)
	assert.Equal(t, int64(12), r.started.TotalSteps)

	var found []string
	require.NoError(t, filepath.WalkDir(c.Out, func(path string, e os.DirEntry, err error) error {
		if !e.IsDir() {
			found = append(found, path[len(c.Out)+1:])
		}
		return err
	}))
	assert.Equal(t, []string{
		".lock", "checkpoints/latest", "checkpoints/step-00000005.pt", "checkpoints/step-00000010.pt",
		"checkpoints/step-00000012.pt", "config.yaml", "metrics.jsonl",
		"samples/real.png", "samples/step-00000006.png", "samples/step-00000012.png",
	}, found)

	text, err := os.ReadFile(filepath.Join(c.Out, "metrics.jsonl"))
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	require.Len(t, lines, 3)
	for i, line := range lines {
		var m map[string]float64
		require.NoError(t, json.Unmarshal(line, &m))
		assert.Equal(t, []string{
			"d_fake", "d_real", "data_wait", "epoch", "images", "images_per_second", "loss_d", "loss_g", "seconds", "step",
		}, slices.Sorted(maps.Keys(m)))
		assert.Equal(t, float64(4*(i+1)), m["step"])
		assert.Equal(t, float64(32*(i+1)), m["images"])
		assert.Greater(t, m["d_real"], 0.0)
		assert.Less(t, m["d_real"], 1.0)
	}
}

// sameRun is what must not differ between two runs of one seed.
func sameRun(t *testing.T, c Config) map[string]any {
	t.Helper()
	var r recorder
	_, err := train(t, context.Background(), c, &r)
	require.NoError(t, err)
	all := map[string]any{}
	for _, l := range r.lines {
		l.ImagesPerSecond, l.DataWait, l.Seconds = 0, 0, 0
		all[fmt.Sprint("line ", l.Step)] = l
	}
	pictures, err := filepath.Glob(filepath.Join(c.Out, "samples", "*.png"))
	require.NoError(t, err)
	require.Len(t, pictures, 3)
	for _, p := range pictures {
		text, err := os.ReadFile(p)
		require.NoError(t, err)
		all[filepath.Base(p)] = text
	}
	root, err := pt.Load(filepath.Join(c.Out, "checkpoints", "latest"))
	require.NoError(t, err)
	for _, part := range []string{"generator", "discriminator", "optimizer_g", "optimizer_d"} {
		v, ok := root.(*pt.Dict).Get(part)
		require.True(t, ok)
		flatten(part, v, all)
	}
	return all
}

func flatten(name string, v any, into map[string]any) {
	switch v := v.(type) {
	case *pt.Dict:
		for k, inner := range v.All() {
			flatten(fmt.Sprint(name, ".", k), inner, into)
		}
	case *pt.Tensor:
		into[name] = v.Data
	}
}

func TestOneSeedGivesOneRunWhateverTheWorkers(t *testing.T) {
	c := tinyConfig(t)
	c.Workers = 1
	want := sameRun(t, c)
	require.Greater(t, len(want), 50)
	for _, workers := range []int{1, 2, 5} {
		c := tinyConfig(t)
		c.Workers = workers
		assert.Equal(t, want, sameRun(t, c), "%d workers", workers)
	}
	other := tinyConfig(t)
	other.Seed = 1
	assert.NotEqual(t, want["line 12"], sameRun(t, other)["line 12"])
}

// How often a run samples moves neither its weights nor its running statistics nor its random numbers.
func TestSamplingChangesNothing(t *testing.T) {
	c := tinyConfig(t)
	c.SampleEvery = 1
	often := checkpointOf(t, c)
	c = tinyConfig(t)
	c.SampleEvery = 100
	assert.Equal(t, checkpointOf(t, c), often)
}

func checkpointOf(t *testing.T, c Config) map[string]any {
	t.Helper()
	res, err := train(t, context.Background(), c, &recorder{})
	require.NoError(t, err)
	root, err := pt.Load(res.Checkpoint)
	require.NoError(t, err)
	all := map[string]any{}
	flatten("", root, all)
	return all
}

func TestASignalFinishesTheStepAndSaves(t *testing.T) {
	c := tinyConfig(t)
	c.Steps = 1000
	ctx, cancel := context.WithCancel(context.Background())
	r := recorder{stepped: func(step int64) {
		if step == 7 {
			cancel()
		}
	}}
	res, err := train(t, ctx, c, &r)
	require.NoError(t, err)
	assert.True(t, res.Stopped)
	assert.Equal(t, int64(7), res.Step)
	assert.FileExists(t, filepath.Join(c.Out, "checkpoints", "step-00000007.pt"))
	assert.FileExists(t, filepath.Join(c.Out, "samples", "step-00000007.png"))
	assert.Len(t, r.lines, 1, "the last save does not log")
}

// The checkpoint is opened by real PyTorch, safely; its networks and optimizers are the official ones.
func TestPyTorchOpensACheckpoint(t *testing.T) {
	python := torchtest.Python(t)
	c := tinyConfig(t)
	c.Size, c.Channels, c.Latent, c.GenWidth, c.DiscWidth, c.Steps = 64, 3, 100, 4, 4, 2
	res, err := train(t, context.Background(), c, &recorder{})
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
		"config", "data", "discriminator", "format", "generator", "images", "meta", "meters", "optimizer_d", "optimizer_g",
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
	c.LR, c.Optim, c.CheckpointEvery, c.LogEvery, c.Steps = 1e36, "sgd", 1, 100, 100
	_, err := train(t, context.Background(), c, &recorder{})
	var bad *NotFiniteError
	require.ErrorAs(t, err, &bad)
	assert.Regexp(t, `is not finite at step \d+: (there is no checkpoint|the last good checkpoint is .*step-\d+\.pt)`, err.Error())
	assert.Contains(t, err.Error(), "lower --lr")
	files, err := filepath.Glob(filepath.Join(c.Out, "checkpoints", "*.pt"))
	require.NoError(t, err)
	for _, path := range files {
		root, err := pt.Load(path)
		require.NoError(t, err)
		assert.NoError(t, finite(root.(*pt.Dict), 0), path)
	}
}

func TestTheFirstBadStepIsNamed(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		tr := &trainer{cfg: Config{DiscSteps: 2}}
		tr.st.meterD, tr.st.meterG = s.FullOf(torch.Float64, 0, placesD+2), s.FullOf(torch.Float64, 0, placesG+2)
		tr.clock.step = 100
		one, nan := s.Ones(), s.Zeros().Log()
		for range 5 {
			s.MeterAdd(tr.st.meterD, one, one, one)
		}
		_, _, err := tr.readMeters()
		require.NoError(t, err)
		s.MeterAdd(tr.st.meterD, nan, one, one) // update 6 of 2 a step: step 3
		_, _, err = tr.readMeters()
		assert.EqualError(t, err, "loss_d is not finite at step 103")
		s.MeterAdd(tr.st.meterG, nan)
		_, _, err = tr.readMeters()
		assert.EqualError(t, err, "loss_g is not finite at step 101")
	})
}

// What was trained before an image could not be read is kept.
func TestABrokenImageSavesWhatWasTrained(t *testing.T) {
	c := tinyConfig(t)
	c.Epochs, c.Steps = 1, 0
	ds := fakeData{n: 100, bad: 90, shape: shape16}
	dev, _, err := OpenDevice("cpu")
	require.NoError(t, err)
	o := origin{cfg: c}
	resolved, err := o.resolve(ds, dev)
	require.NoError(t, err)
	tr, err := o.trainer(t.Context(), resolved, ds, dev)
	require.NoError(t, err)
	defer tr.close()
	r := run{trainer: tr, cfg: c, ob: &recorder{}}
	r.dir, err = createRun(c, nil)
	require.NoError(t, err)
	defer r.dir.close()
	r.saver.dir, r.saver.keep = r.dir, 3
	_, err = r.run(context.Background())
	require.ErrorContains(t, err, "image 13 is broken")
	assert.ErrorContains(t, err, "is saved in "+r.saver.last.path)
	assert.FileExists(t, r.saver.last.path)
}

func TestASourceThatCannotBeReadLeavesNothing(t *testing.T) {
	c := tinyConfig(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.png"), []byte("not a picture"), 0o644))
	c.Data = "folder:" + dir
	_, err := train(t, context.Background(), c, &recorder{})
	require.ErrorContains(t, err, "a.png: not a JPEG, PNG, GIF, WebP or BMP file")
	assert.NoDirExists(t, c.Out)
}

func TestADryRunWritesNothing(t *testing.T) {
	c := tinyConfig(t)
	c.DryRun = true
	_, err := train(t, context.Background(), c, &recorder{})
	require.NoError(t, err)
	assert.NoDirExists(t, c.Out)
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
