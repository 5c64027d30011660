package gan

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/gantest"
	"forger/gan/model"
	"forger/gan/report"
	"forger/torch"
	"forger/torch/nn"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// few is a generator that can be made to give one or two things only.
type few struct {
	nn.Module
	outputs *int // 0: as many as it can
}

func (f few) Forward(z torch.Tensor) torch.Tensor {
	switch *f.outputs {
	case 1:
		z = z.MulScalar(0)
	case 2:
		side := z.Slice(1, 0, 1, 1).GtScalar(0).To(torch.Float32).Affine(2, -1)
		z = z.MulScalar(0).Add(side)
	}
	return f.Module.Forward(z)
}

// plantable makes generators that give as few things as the number says, once it is set.
func plantable(t *testing.T) (outputs *int) {
	t.Helper()
	outputs = new(int)
	whole := model.Table["dcgan"]
	t.Cleanup(func() { model.Table["dcgan"] = whole })
	changed := whole
	changed.Generator = func(b *model.Builder, o model.Options, of data.Shape) nn.Module {
		return few{whole.Generator(b, o, of), outputs}
	}
	model.Table["dcgan"] = changed
	return outputs
}

// plantedIn is how many steps there are to see what was planted.
const plantedIn = 200

// growing is a run that goes well.
func growing(t *testing.T, seed uint64, steps int) Config {
	t.Helper()
	c := tinyConfig(t)
	c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Method.Model.Latent, c.Run.Batch = 8, 8, 100, 32
	quiet(&c, seed, steps)
	return c
}

// mixture is a run on eight normals with the loss of the official DCGAN and Adam's own moments.
func mixture(t *testing.T, seed uint64, steps int) Config {
	t.Helper()
	c := growing(t, seed, steps)
	c.Data.Spec, c.Data.Size, c.Method.Model.Name, c.Method.Model.Depth, c.Method.Model.Latent = "ring8", vision.Size{}, "toy", 3, 2
	c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Method.Beta1, c.Run.Batch = 128, 128, .9, 64
	return c
}

// held is the same as the preset ring8 has it, which loses no mode.
func held(t *testing.T, seed uint64, steps int) Config {
	t.Helper()
	c := mixture(t, seed, steps)
	c.Method.Loss, c.Method.Penalties = "relativistic", []string{"r1=.02", "r2=.02"}
	c.Method.LR, c.Method.Beta1, c.Method.Beta2 = 2e-3, 0, .99
	return c
}

func quiet(c *Config, seed uint64, steps int) {
	c.Run.Seed, c.Run.Steps, c.Run.LogEvery, c.Run.SampleEvery, c.Run.CheckpointEvery = seed, steps, 25, 1<<30, 1<<30
	c.Run.Device, c.Run.Threads, c.Run.Watch.OnCollapse = "cpu", 1, "warn"
}

// told are the steps at which a run was called ill, and as what; a loss that is not finite is told by the error.
func told(t *testing.T, dir string, err error) (steps []int64, kinds []string) {
	t.Helper()
	var bad *checkpoint.NotFiniteError
	if errors.As(err, &bad) {
		return []int64{bad.Step}, []string{"not finite"}
	}
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "alerts.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var a struct {
			Step int64
			Kind string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		steps, kinds = append(steps, a.Step), append(kinds, a.Kind)
	}
	return steps, kinds
}

// What is planted is told of soon: a generator that gives one thing or two after a run that went well, a discriminator that does
// not learn, a rate that is far too high; a run that goes well is told nothing of. $FORGER_SENTINEL says over how many seeds; then
// healthy runs are 2,000 steps long.
func TestPlantedCollapsesAreSeen(t *testing.T) {
	seeds, plantedAt, healthy := 1, 300, 300
	if n, err := strconv.Atoi(os.Getenv("FORGER_SENTINEL")); err == nil {
		seeds, plantedAt, healthy = n, 500, 2000
	}
	p := planted{outputs: plantable(t), caught: map[string]int{}}
	for seed := range uint64(seeds) {
		c := growing(t, seed, plantedAt)
		res, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err)
		for n, name := range map[int]string{1: "one output", 2: "two outputs"} {
			dir := filepath.Join(t.TempDir(), "planted")
			require.NoError(t, os.CopyFS(dir, os.DirFS(c.Run.Out)))
			*p.outputs = n
			_, err := resume(t, dir, &gantest.Recorder{}, "gen-lr", "1e-12", "steps", strconv.Itoa(plantedAt+plantedIn))
			*p.outputs = 0
			p.look(t, seed, name, dir, err)
		}
		if healthy > plantedAt {
			res, err = resume(t, c.Run.Out, &gantest.Recorder{}, "steps", strconv.Itoa(healthy))
			require.NoError(t, err)
		}
		p.look(t, seed, p.grown(t, seed, res), res.Dir, nil)
		for name, change := range map[string]func() Config{
			"healthy toy":          func() Config { return held(t, seed, healthy) },
			"discriminator rate 0": func() Config { c := growing(t, seed, plantedIn); c.Method.DiscLR = 1e-12; return c },
			"rate 1e-2":            func() Config { c := mixture(t, seed, plantedIn); c.Method.LR = 1e-2; return c },
		} {
			c := change()
			_, err := train(t, t.Context(), c, &gantest.Recorder{})
			p.look(t, seed, name, c.Run.Out, err)
		}
	}
	for _, name := range []string{"one output", "two outputs", "discriminator rate 0", "rate 1e-2"} {
		t.Logf("%s: %d of %d", name, p.caught[name], seeds)
		assert.Equal(t, seeds, p.caught[name], name)
	}
	t.Logf("healthy: %d and %d of %d", p.caught["healthy"], p.caught["healthy toy"], seeds)
	assert.Zero(t, p.caught["healthy"]+p.caught["healthy toy"], "healthy runs that were called ill")
}

// planted counts the runs in which something was told of.
type planted struct {
	outputs *int
	caught  map[string]int
}

// lively is the share of the real data's diversity below which a run has collapsed by itself: it is none that went well.
const lively = .1

// grown is what a run that was left alone has become.
func (p planted) grown(t *testing.T, seed uint64, res report.Result) string {
	t.Helper()
	logs := gantest.LeftBy(t, res).Metrics
	if v := logs[len(logs)-1]["diversity"]; v.(float64) < lively {
		t.Logf("seed %d collapsed by itself: diversity %v", seed, v)
		return "collapsed by itself"
	}
	return "healthy"
}

// look takes a run.
func (p planted) look(t *testing.T, seed uint64, name, dir string, err error) {
	t.Helper()
	steps, kinds := told(t, dir, err)
	t.Logf("seed %d, %s: %v at %v", seed, name, kinds, steps)
	if len(steps) > 0 {
		p.caught[name]++
	}
}
