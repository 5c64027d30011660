package gan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withDropout adds a model with dropout to the table, for the stream that it draws from.
func withDropout(t *testing.T) {
	t.Cleanup(func() { delete(models, "dropout") })
	disc := func(b Builder, n Network) nn.Module {
		in := n.Channels * n.Size * n.Size
		return nn.Sequential{
			nn.Reshape{-1, in},
			nn.NewLinear(b.Scope, b.Init, in, 8, false), nn.LeakyReLU(.2), &nn.Dropout{P: .5, Generator: b.Dropout},
			nn.NewLinear(b.Scope, b.Init, 8, 1, false), toScores,
		}
	}
	models["dropout"] = model{"for tests", []int{16}, dcganGenerator, disc}
}

// pictures is a folder of n PNG files, 16x16, each of its own gray.
func pictures(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 16, 16))
		for k := range m.Pix {
			m.Pix[k] = byte(10*i + k)
		}
		m.SetGray(i%16, 3, color.Gray{Y: 255})
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, m))
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.png", i)), b.Bytes(), 0o644))
	}
	return dir
}

// digits is a folder with n images and labels in MNIST's files.
func digits(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	size := []byte{0, 0, 0, byte(n)}
	images := append([]byte{0, 0, 8, 3}, append(size, 0, 0, 0, 28, 0, 0, 0, 28)...)
	for i := range n * 28 * 28 {
		images = append(images, byte(i*i>>3))
	}
	labels := append([]byte{0, 0, 8, 1}, append(size, make([]byte, n)...)...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), images, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train-labels-idx1-ubyte"), labels, 0o644))
	return dir
}

// left is everything of a run that a resume must repeat.
type left struct {
	state   *pt.Dict
	metrics []map[string]any
	samples map[string][]byte
}

func leftBy(t *testing.T, res Result) left {
	t.Helper()
	root, err := pt.Load(res.Checkpoint)
	require.NoError(t, err)
	l := left{state: root.(*pt.Dict), samples: map[string][]byte{}}
	text, err := os.ReadFile(filepath.Join(res.Dir, "metrics.jsonl"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		for _, timing := range []string{"images_per_second", "data_wait", "seconds"} {
			delete(m, timing)
		}
		l.metrics = append(l.metrics, m)
	}
	files, err := filepath.Glob(filepath.Join(res.Dir, "samples", "*.png"))
	require.NoError(t, err)
	for _, path := range files {
		l.samples[filepath.Base(path)], err = os.ReadFile(path)
		require.NoError(t, err)
	}
	return l
}

// N+M steps equal N, resume, M: to the bit, in weights, optimizers, averages, metrics and samples.
func TestAResumeIsAResume(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"dcgan, adam":                func(c *Config) {},
		"average":                    func(c *Config) { c.EMA = .9 },
		"sgd with momentum":          func(c *Config) { c.Optim, c.Momentum, c.LR = "sgd", .9, 1e-3 },
		"rmsprop":                    func(c *Config) { c.Optim, c.Momentum = "rmsprop", .5 },
		"dropout":                    func(c *Config) { withDropout(t); c.Model = "dropout" },
		"uniform, minimax, 3 to 1":   func(c *Config) { c.Prior, c.Loss, c.DiscSteps = "uniform", "minimax", 3 },
		"folder, workers":            func(c *Config) { c.Data, c.Workers = "folder:"+pictures(t, 20), 3 },
		"folder in smaller batches":  func(c *Config) { c.Data, c.Workers, c.Batch = "folder:"+pictures(t, 21), 1, 4 },
		"mnist":                      func(c *Config) { c.Data, c.Workers = "mnist:"+digits(t, 30), 2 },
		"written while nobody waits": func(c *Config) { c.Save = "sync" },
	} {
		t.Run(name, func(t *testing.T) {
			c := tinyConfig(t)
			c.Out += "-whole"
			change(&c)
			whole, err := train(t, context.Background(), c, &recorder{})
			require.NoError(t, err)
			want := leftBy(t, whole)
			// Batches an epoch: 3 of the folder of 20; so both inside an epoch and at its border.
			for _, stop := range []int{1, 3, 5, 7} {
				part := c
				part.Out = filepath.Join(t.TempDir(), "parts")
				part.Steps = stop
				_, err := train(t, context.Background(), part, &recorder{})
				require.NoError(t, err)
				var r recorder
				again := DefaultConfig()
				again.Resume, again.Steps, again.Workers, again.Given = part.Out, c.Steps, 2, []string{"resume", "steps", "workers"}
				res, err := train(t, context.Background(), again, &r)
				require.NoError(t, err)
				assert.Equal(t, int64(stop), r.started.Step)
				got := leftBy(t, res)
				config := func(l left) string {
					text, err := pt.At[string](l.state, "config")
					require.NoError(t, err)
					l.state.Set("config", "")
					return text
				}
				assert.Contains(t, config(got), fmt.Sprintf(`"lr":%v`, c.LR))
				config(want)
				assert.Empty(t, differences("", want.state, got.state), "stopped after %d", stop)
				assert.Equal(t, want.metrics, got.metrics)
				delete(got.samples, fmt.Sprintf("step-%08d.png", stop)) // the grid that the stop left
				for name, picture := range want.samples {
					if name != fmt.Sprintf("step-%08d.png", stop) {
						assert.Equal(t, picture, got.samples[name], name)
					}
				}
			}
		})
	}
}

// stoppedRun is the directory of a run of 6 steps with checkpoints at 2, 4 and 6.
func stoppedRun(t *testing.T, change func(c *Config)) string {
	t.Helper()
	c := tinyConfig(t)
	c.Steps, c.CheckpointEvery, c.Device = 6, 2, "cpu"
	change(&c)
	_, err := train(t, context.Background(), c, &recorder{})
	require.NoError(t, err)
	return c.Out
}

func resume(t *testing.T, dir string, r *recorder, given ...string) (Result, error) {
	t.Helper()
	c := DefaultConfig()
	c.Resume, c.Given = dir, []string{"resume"}
	for i := 0; i < len(given); i += 2 {
		c.Given = append(c.Given, given[i])
		for _, f := range c.Fields() {
			if f.Name == given[i] {
				require.NoError(t, json.Unmarshal([]byte(given[i+1]), f.Value))
			}
		}
	}
	return train(t, context.Background(), c, r)
}

func TestABrokenCheckpointIsSkipped(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	newest := filepath.Join(dir, "checkpoints", "step-00000006.pt")
	data, err := os.ReadFile(newest)
	require.NoError(t, err)
	for name, damage := range map[string]func() []byte{
		"cut off":       func() []byte { return data[:len(data)/2] },
		"a bit flipped": func() []byte { return torchtest.Damaged(t, data) },
	} {
		require.NoError(t, os.WriteFile(newest, damage(), 0o644))
		var r recorder
		res, err := resume(t, dir, &r, "keep", "1")
		require.NoError(t, err, name)
		assert.Equal(t, int64(4), r.started.Step, name)
		require.NotEmpty(t, r.warned, name)
		assert.Contains(t, r.warned[0], "skips a broken checkpoint", name)
		assert.FileExists(t, newest+".broken", name)
		assert.Equal(t, newest, res.Checkpoint, name)
		left, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*.pt"))
		require.NoError(t, err)
		assert.Equal(t, []string{newest}, left, "%s: the good one is kept", name)
		// Another to fall back to, for the next kind of damage.
		require.NoError(t, os.Rename(newest, filepath.Join(dir, "checkpoints", "step-00000004.pt")))
		again, err := pt.Load(filepath.Join(dir, "checkpoints", "step-00000004.pt"))
		require.NoError(t, err)
		root := again.(*pt.Dict)
		root.Set("step", int64(4))
		state, err := pt.At[*pt.Dict](root, "data")
		require.NoError(t, err)
		state.Set("position", int64(4))
		require.NoError(t, pt.WriteFile(filepath.Join(dir, "checkpoints", "step-00000004.pt"), root))
	}
}

func TestWhatAResumeRefuses(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	for want, given := range map[string][]string{
		"--lr 0.001 (the run has 0.0002)":      {"lr", "1e-3"},
		"--batch 4 (the run has 8)":            {"batch", "4"},
		`--seed 7 (the run has 0)`:             {"seed", "7"},
		"goes on in its own directory":         {"out", `"elsewhere"`},
		`--threads 1 (the run has 0)`:          {"threads", "1"},
		`--conv stock (the run has auto)`:      {"conv", `"stock"`},
		`--data mnist:x (the run has glyphs)`:  {"data", `"mnist:x"`},
		`--loss minimax (the run has nonsatur`: {"loss", `"minimax"`},
	} {
		_, err := resume(t, dir, &recorder{}, given...)
		var usage *UsageError
		require.ErrorAs(t, err, &usage, want)
		assert.ErrorContains(t, err, want)
	}
	_, err := resume(t, dir, &recorder{}, "steps", "7", "keep", "9", "log-every", "1", "workers", "1", "batch", "8", "seed", "0")
	assert.NoError(t, err, "the same again is no change")

	_, err = resume(t, t.TempDir(), &recorder{})
	assert.ErrorContains(t, err, "it holds no run: start one with --out")
	_, err = resume(t, filepath.Join(dir, "gone"), &recorder{})
	assert.ErrorContains(t, err, "no such file or directory: name a run's directory with --resume")

	held, err := openRun(dir)
	require.NoError(t, err)
	defer held.close()
	_, err = resume(t, dir, &recorder{})
	assert.ErrorContains(t, err, "another process trains in it")
}

func TestDataThatChangedIsRefused(t *testing.T) {
	folder := pictures(t, 20)
	dir := stoppedRun(t, func(c *Config) { c.Data = "folder:" + folder })
	require.NoError(t, os.Remove(filepath.Join(folder, "003.png")))
	_, err := resume(t, dir, &recorder{}, "steps", "8")
	assert.ErrorContains(t, err, "it changed since the checkpoint (20 images then, 19 now)")
	var r recorder
	res, err := resume(t, dir, &r, "steps", "8", "allow-data-change", "true")
	require.NoError(t, err)
	assert.Equal(t, int64(8), res.Step)
	assert.Contains(t, r.warned[0], "the data changed")
}

// A directory that was stopped before its first checkpoint starts over, as it was asked for.
func TestAResumeWithoutACheckpointStartsOver(t *testing.T) {
	dir := stoppedRun(t, func(c *Config) { c.Seed, c.LR = 5, 1e-3 })
	want, err := pt.Load(filepath.Join(dir, "checkpoints", "latest"))
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoints")))
	metrics := filepath.Join(dir, "metrics.jsonl")
	require.NoError(t, os.WriteFile(metrics, []byte("{\"step\":4}\n{\"ste"), 0o644))
	var r recorder
	res, err := resume(t, dir, &r)
	require.NoError(t, err)
	assert.Contains(t, r.warned[0], "starts over from its config.yaml")
	got, err := pt.Load(res.Checkpoint)
	require.NoError(t, err)
	assert.Empty(t, differences("", want, got))
	assert.Len(t, leftBy(t, res).metrics, 1)
}

// Metrics beyond the checkpoint, and a line that a kill cut off, are written anew.
func TestLinesBeyondTheCheckpointAreDropped(t *testing.T) {
	text := "{\"step\":2}\n{\"step\":4}\n{\"step\":6}\n"
	assert.Equal(t, "{\"step\":2}\n{\"step\":4}\n", string(linesUpTo([]byte(text), 5)))
	assert.Equal(t, text, string(linesUpTo([]byte(text), 6)))
	assert.Equal(t, text, string(linesUpTo([]byte(text+"{\"step\":7,\"ima"), 9)))
	assert.Empty(t, linesUpTo(nil, 9))
}

// blocked makes a checkpoint of step 4 impossible.
func blocked(t *testing.T, c Config) *recorder {
	t.Helper()
	return &recorder{stepped: func(step int64) {
		if step == 3 {
			require.NoError(t, os.MkdirAll(filepath.Join(c.Out, "checkpoints", "step-00000004.pt", "x"), 0o755))
		}
	}}
}

// A checkpoint that cannot be written ends the run with the last good one, or is told and trained past.
func TestACheckpointThatCannotBeWritten(t *testing.T) {
	for _, save := range []string{"async", "sync"} {
		c := tinyConfig(t)
		c.CheckpointEvery, c.Steps, c.Save = 2, 8, save
		_, err := train(t, context.Background(), c, blocked(t, c))
		var failed *SaveError
		require.ErrorAs(t, err, &failed, save)
		assert.Equal(t, int64(4), failed.Step)
		assert.ErrorContains(t, err, "the last good checkpoint is "+filepath.Join(c.Out, "checkpoints", "step-00000002.pt"))
		assert.ErrorContains(t, err, "--resume "+c.Out)

		c.Out, c.OnSaveError = c.Out+"-warn", "warn"
		r := blocked(t, c)
		res, err := train(t, context.Background(), c, r)
		require.NoError(t, err)
		assert.Equal(t, int64(8), res.Step)
		require.Len(t, r.warned, 1)
		assert.Contains(t, r.warned[0], "checkpoint of step 4")
		hidden, err := filepath.Glob(filepath.Join(c.Out, "checkpoints", ".*"))
		require.NoError(t, err)
		assert.Empty(t, hidden, "no temporary file is left")
	}
}

// The proof on a user's own configuration: it passes, and it would find a state that is not restored.
func TestVerifyResume(t *testing.T) {
	c := tinyConfig(t)
	c.VerifyResume, c.EMA = 3, .9
	_, err := train(t, context.Background(), c, &recorder{})
	require.NoError(t, err)
	assert.NoDirExists(t, c.Out)

	a, b := pt.NewDict(), pt.NewDict()
	for i, d := range []*pt.Dict{a, b} {
		d.Set("generator", pt.Of([]float32{1, float32(2 + i)}))
		d.Set("step", int64(7+i))
		d.Set("seconds", float64(i))
	}
	assert.NoError(t, sameValues(a, a))
	assert.ErrorContains(t, sameValues(a, b), "2 values differ after the resume:  generator,  step")
}

// The averaged generator is the exponential moving average of the parameters, with copies of the buffers.
func TestTheAverageFollowsTheGenerator(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		n := Network{Size: 16, Channels: 1, Latent: 3, GenWidth: 2, DiscWidth: 2}
		gen, _ := build(t, s, n)
		net, _ := build(t, s, n)
		a := newAverage(net, gen, s.FullOf(torch.Float64, .75))
		a.start(s)
		before := map[string][]float64{}
		for _, e := range nn.Entries(gen) {
			before[e.Name] = e.Tensor.Doubles()
			e.Tensor.Fill(2)
		}
		a.follow(s)
		for _, e := range nn.Entries(net) {
			for i, v := range e.Tensor.Doubles() {
				want := 2.0
				if !e.Buffer {
					want = .75*before[e.Name][i] + .25*2
				}
				assert.InDelta(t, want, v, 1e-6, e.Name) // computed in float32
			}
		}
	})
}
