package gan

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/gan/model"
	"forger/gan/report"
	"forger/gan/rundir"
	"forger/gan/trainer"
	"forger/internal/setting"
	"forger/torch/nn"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withDropout adds a model with dropout to the table, for the stream that it draws from.
func withDropout(t *testing.T) {
	t.Cleanup(func() { delete(model.Table, "dropout") })
	e := model.Table["dcgan"]
	e.Discriminator = func(b *model.Builder, _ model.Options, of data.Shape) nn.Module {
		in := of.Bytes()
		return nn.Sequential{
			nn.Reshape{-1, in},
			nn.NewLinear(b.Scope, b.Init(), in, 8, false), nn.LeakyReLU(.2), &nn.Dropout{P: .5, Generator: b.Stream("dropout")},
			nn.NewLinear(b.Scope, b.Init(), 8, 1, false), nn.Reshape{-1},
		}
	}
	model.Table["dropout"] = e
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

// N+M steps equal N, resume, M: to the bit, in weights, optimizers, averages, metrics and samples.
func TestAResumeIsAResume(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"dcgan, adam":                func(c *Config) {},
		"average":                    func(c *Config) { c.Method.EMA = .9 },
		"sgd with momentum":          func(c *Config) { c.Method.Optim, c.Method.Momentum, c.Method.LR = "sgd", .9, 1e-3 },
		"rmsprop":                    func(c *Config) { c.Method.Optim, c.Method.Momentum = "rmsprop", .5 },
		"dropout":                    func(c *Config) { withDropout(t); c.Method.Model.Name = "dropout" },
		"uniform, minimax, 3 to 1":   func(c *Config) { c.Method.Prior, c.Method.Loss, c.Method.DiscSteps = "uniform", "minimax", 3 },
		"folder, workers":            func(c *Config) { c.Data.Spec, c.Run.Workers = "folder:"+gantest.Pictures(t, 20), 3 },
		"folder in smaller batches":  func(c *Config) { c.Data.Spec, c.Run.Workers, c.Run.Batch = "folder:"+gantest.Pictures(t, 21), 1, 4 },
		"mnist":                      func(c *Config) { c.Data.Spec, c.Run.Workers = "mnist:"+digits(t, 30), 2 },
		"written while nobody waits": func(c *Config) { c.Run.Save = "sync" },
	} {
		t.Run(name, func(t *testing.T) {
			c := tinyConfig(t)
			c.Run.Out += "-whole"
			change(&c)
			whole, err := train(t, context.Background(), c, &gantest.Recorder{})
			require.NoError(t, err)
			want := gantest.LeftBy(t, whole)
			// Batches an epoch: 3 of the folder of 20; so both inside an epoch and at its border.
			for _, stop := range []int{1, 3, 5, 7} {
				part := c
				part.Run.Out = filepath.Join(t.TempDir(), "parts")
				part.Run.Steps = stop
				_, err := train(t, context.Background(), part, &gantest.Recorder{})
				require.NoError(t, err)
				var r gantest.Recorder
				again := DefaultConfig()
				again.Run.Resume, again.Run.Steps, again.Run.Workers, again.Given = part.Run.Out, c.Run.Steps, 2, setting.Given{"resume": "--resume", "steps": "--steps", "workers": "--workers"}
				res, err := train(t, context.Background(), again, &r)
				require.NoError(t, err)
				assert.Equal(t, int64(stop), r.Start.Step)
				got := gantest.LeftBy(t, res)
				assert.Equal(t, want.State, got.State, "stopped after %d", stop)
				assert.Equal(t, want.Metrics, got.Metrics)
				delete(got.Samples, fmt.Sprintf("step-%08d.png", stop)) // the grid that the stop left
				for name, picture := range want.Samples {
					if name != fmt.Sprintf("step-%08d.png", stop) {
						assert.Equal(t, picture, got.Samples[name], name)
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
	c.Run.Steps, c.Run.CheckpointEvery, c.Run.Device = 6, 2, "cpu"
	change(&c)
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	return c.Run.Out
}

// resume goes on with a run, with settings given anew: name, value, name, value ...
func resume(t *testing.T, dir string, r *gantest.Recorder, given ...string) (report.Result, error) {
	t.Helper()
	c := DefaultConfig()
	c.Run.Resume, c.Given = dir, setting.Given{"resume": "--resume"}
	for i := 0; i < len(given); i += 2 {
		row, ok := c.Settings().Find(given[i])
		require.True(t, ok, given[i])
		require.NoError(t, row.Parse(given[i+1]))
		c.Given[row.Name] = "--" + row.Name
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
		var r gantest.Recorder
		res, err := resume(t, dir, &r, "keep", "1")
		require.NoError(t, err, name)
		assert.Equal(t, int64(4), r.Start.Step, name)
		require.NotEmpty(t, r.Warns, name)
		assert.Contains(t, r.Warns[0], "skips a broken checkpoint", name)
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
		"--beta1 0.9 (the run has 0.5)":        {"beta1", ".9"},
		"--batch 4 (the run has 8)":            {"batch", "4"},
		`--seed 7 (the run has 0)`:             {"seed", "7"},
		"goes on in its own directory":         {"out", "elsewhere"},
		`--threads 1 (the run has 0)`:          {"threads", "1"},
		`--conv stock (the run has auto)`:      {"conv", "stock"},
		`--loss minimax (the run has nonsatur`: {"loss", "minimax"},
	} {
		_, err := resume(t, dir, &gantest.Recorder{}, given...)
		var usage *setting.UsageError
		require.ErrorAs(t, err, &usage, want)
		assert.ErrorContains(t, err, want)
	}
	_, err := resume(t, dir, &gantest.Recorder{}, "steps", "7", "keep", "9", "log-every", "1", "workers", "1", "batch", "8", "seed", "0")
	assert.NoError(t, err, "the same again is no change")

	_, err = resume(t, t.TempDir(), &gantest.Recorder{})
	assert.ErrorContains(t, err, "it holds no run: start one with --out")
	_, err = resume(t, filepath.Join(dir, "gone"), &gantest.Recorder{})
	assert.ErrorContains(t, err, "no such file or directory: name a run's directory with --resume")

	held, err := rundir.Open(dir, false)
	require.NoError(t, err)
	defer held.Close()
	_, err = resume(t, dir, &gantest.Recorder{})
	assert.ErrorContains(t, err, "another process trains in it")
}

func TestDataThatChangedIsRefused(t *testing.T) {
	folder := gantest.Pictures(t, 20)
	dir := stoppedRun(t, func(c *Config) { c.Data.Spec = "folder:" + folder })
	require.NoError(t, os.Remove(filepath.Join(folder, "003.png")))
	_, err := resume(t, dir, &gantest.Recorder{}, "steps", "8")
	assert.ErrorContains(t, err, "not what the checkpoint was trained on, or it changed since (20 images then, 19 now)")
	var r gantest.Recorder
	res, err := resume(t, dir, &r, "steps", "8", "allow-data-change", "true")
	require.NoError(t, err)
	assert.Equal(t, int64(8), res.Step)
	assert.Contains(t, r.Warns[0], "the data changed")
}

// A directory that was stopped before its first checkpoint starts over, as it was asked for.
func TestAResumeWithoutACheckpointStartsOver(t *testing.T) {
	dir := stoppedRun(t, func(c *Config) { c.Run.Seed, c.Method.LR = 5, 1e-3 })
	want := gantest.State(t, filepath.Join(dir, "checkpoints", "latest"))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoints")))
	metrics := filepath.Join(dir, "metrics.jsonl")
	require.NoError(t, os.WriteFile(metrics, []byte("{\"step\":4}\n{\"ste"), 0o644))
	var r gantest.Recorder
	res, err := resume(t, dir, &r)
	require.NoError(t, err)
	assert.Contains(t, r.Warns[0], "starts over from its config.yaml")
	assert.Equal(t, want, gantest.State(t, res.Checkpoint))
	assert.Len(t, gantest.LeftBy(t, res).Metrics, 1)
}

// blocked makes a checkpoint of step 4 impossible.
func blocked(t *testing.T, c Config) *gantest.Recorder {
	t.Helper()
	return &gantest.Recorder{OnStep: func(step int64) {
		if step == 3 {
			require.NoError(t, os.MkdirAll(filepath.Join(c.Run.Out, "checkpoints", "step-00000004.pt", "x"), 0o755))
		}
	}}
}

// A checkpoint that cannot be written ends the run with the last good one, or is told and trained past.
func TestACheckpointThatCannotBeWritten(t *testing.T) {
	for _, save := range []string{"async", "sync"} {
		c := tinyConfig(t)
		c.Run.CheckpointEvery, c.Run.Steps, c.Run.Save = 2, 8, save
		_, err := train(t, context.Background(), c, blocked(t, c))
		var failed *trainer.SaveError
		require.ErrorAs(t, err, &failed, save)
		assert.Equal(t, int64(4), failed.Step)
		assert.ErrorContains(t, err, "the last good checkpoint is "+filepath.Join(c.Run.Out, "checkpoints", "step-00000002.pt"))
		assert.ErrorContains(t, err, "--resume "+c.Run.Out)

		c.Run.Out, c.Run.OnSaveError = c.Run.Out+"-warn", "warn"
		r := blocked(t, c)
		res, err := train(t, context.Background(), c, r)
		require.NoError(t, err)
		assert.Equal(t, int64(8), res.Step)
		require.Len(t, r.Warns, 1)
		assert.Contains(t, r.Warns[0], "checkpoint of step 4")
		hidden, err := filepath.Glob(filepath.Join(c.Run.Out, "checkpoints", ".*"))
		require.NoError(t, err)
		assert.Empty(t, hidden, "no temporary file is left")
	}
}

// The proof on a user's own configuration: it passes, and it would find a state that is not restored.
func TestVerifyResume(t *testing.T) {
	c := tinyConfig(t)
	c.Run.VerifyResume, c.Method.EMA = 3, .9
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	assert.NoDirExists(t, c.Run.Out)
}

// Rates may be given anew: the run goes on with them, says so, and its checkpoint has them.
func TestARateMayBeGivenAnew(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	var r gantest.Recorder
	res, err := resume(t, dir, &r, "steps", "8", "lr", "1e-3", "disc-lr", "5e-4")
	require.NoError(t, err)
	require.Len(t, r.Warns, 1)
	assert.Contains(t, r.Warns[0], "goes on with lr 0.001 for 0.0002, disc-lr 0.0005 for 0")
	root := mustLoad(t, res.Checkpoint)
	for key, want := range map[string]float64{"optimizer_g": 1e-3, "optimizer_d": 5e-4} {
		lr, err := pt.At[float64](root, key, "param_groups", 0, "lr")
		require.NoError(t, err)
		assert.Equal(t, want, lr, key)
	}
	config, err := pt.At[string](root, "config")
	require.NoError(t, err)
	assert.Contains(t, config, `"lr":0.001`)

	other := stoppedRun(t, func(*Config) {})
	same, err := resume(t, other, &gantest.Recorder{}, "steps", "8")
	require.NoError(t, err)
	assert.NotEqual(t, gantest.State(t, same.Checkpoint)[".generator.main.0.weight"], gantest.State(t, res.Checkpoint)[".generator.main.0.weight"])
}

// A damaged checkpoint that is the only one never makes a run start over: weeks may be in what lies beside it.
func TestNothingIsErasedWhereCheckpointsWere(t *testing.T) {
	dir := stoppedRun(t, func(c *Config) { c.Run.Keep, c.Run.LogEvery = 1, 2 })
	path := filepath.Join(dir, "checkpoints", "step-00000006.pt")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, whole[:len(whole)/2], 0o644))
	metrics, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, metrics)
	before := listing(t, dir)

	_, err = resume(t, dir, &gantest.Recorder{}, "dry-run", "true")
	assert.ErrorContains(t, err, "its checkpoints are damaged, and none is left to go on from")
	assert.Equal(t, before, listing(t, dir), "a dry run touches nothing")
	for range 2 { // the second time it is renamed already
		_, err = resume(t, dir, &gantest.Recorder{})
		assert.ErrorContains(t, err, "its checkpoints are damaged, and none is left to go on from: copy one back from a backup")
	}
	after, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, metrics, after)

	require.NoError(t, os.WriteFile(path, whole, 0o644))
	res, err := resume(t, dir, &gantest.Recorder{}, "steps", "7")
	require.NoError(t, err)
	assert.Equal(t, int64(7), res.Step)
}

// What keeps a checkpoint from being read says nothing of what it holds.
func TestACheckpointThatCannotBeReadStays(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	path := filepath.Join(dir, "checkpoints", "step-00000006.pt")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(path, path)) // opening it fails with ELOOP
	_, err := resume(t, dir, &gantest.Recorder{})
	assert.ErrorContains(t, err, "the checkpoint may be whole")
	assert.NoFileExists(t, path+".broken")
	_, err = os.Lstat(path)
	assert.NoError(t, err)
}

// listing is the names, sizes and times of everything in a directory.
func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		all = append(all, fmt.Sprint(path, info.Size(), info.ModTime(), e.Type()))
		return nil
	}))
	return all
}

// A checkpoint that sets what this program does not know is refused by name, and so is a config file.
func TestASettingThatIsNotKnownIsRefused(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	path := filepath.Join(dir, "checkpoints", "step-00000006.pt")
	root := mustLoad(t, path).(*pt.Dict)
	config, err := pt.At[string](root, "config")
	require.NoError(t, err)
	root.Set("config", strings.Replace(config, "{", `{"enlarge":"color",`, 1))
	require.NoError(t, pt.WriteFile(path, root))
	_, err = resume(t, dir, &gantest.Recorder{})
	assert.ErrorContains(t, err, `its config sets "enlarge", which this program does not know`)
	err = Sample(t.Context(), SampleOptions{Checkpoint: path, Out: filepath.Join(dir, "x.png"), N: 1, Device: "cpu"})
	assert.ErrorContains(t, err, `its config sets "enlarge"`)
}

// A checkpoint of before methods, Parts and the fixed noise were written down goes on and draws.
func TestACheckpointOfBeforeGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/before")))
	old := mustLoad(t, filepath.Join(dir, "checkpoints", "step-00000006.pt"))
	out := filepath.Join(t.TempDir(), "grid.png")
	require.NoError(t, Sample(t.Context(), SampleOptions{Checkpoint: filepath.Join(dir, "checkpoints", "step-00000006.pt"), Out: out, N: 4, Device: "cpu", Average: true}))
	assert.FileExists(t, out)
	c := DefaultConfig()
	c.Run.Resume, c.Run.Steps, c.Run.Device = dir, 6, "cpu"
	c.Given = setting.Given{"resume": "--resume", "steps": "--steps", "device": "--device"}
	var r gantest.Recorder
	if _, err := train(t, t.Context(), c, &r); err != nil && strings.Contains(err.Error(), "the images were decoded by") {
		t.Skip("another JPEG decoder than the checkpoint's: " + err.Error())
	} else {
		require.NoError(t, err)
	}
	assert.Equal(t, int64(6), r.Start.Step)
	c.Run.Steps = 9
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	now := mustLoad(t, res.Checkpoint)
	for _, key := range old.(*pt.Dict).Keys() {
		_, has := now.(*pt.Dict).Get(key.(string))
		assert.True(t, has, key)
	}
	count, err := pt.At[*pt.Tensor](now, "optimizer_g", "state", 0, "step")
	require.NoError(t, err)
	bytes, err := count.Bytes()
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 0, 0x10, 0x41}, bytes, "nine steps")
}
