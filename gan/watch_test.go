package gan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Evaluations move nothing: but for their own figures a run with them is the run without.
func TestEvaluationMovesNothing(t *testing.T) {
	c := tinyConfig(t)
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	plain := gantest.LeftBy(t, res)
	c.Run.Out = filepath.Join(t.TempDir(), "evaluated")
	c.Run.Watch.EvalEvery, c.Run.Watch.EvalN, c.Run.Watch.Eval, c.Run.Watch.EvalBudget = 3, 40, "fid,prdc", 1000
	res, err = train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	evaluated := gantest.LeftBy(t, res)
	var logs, asides []map[string]any
	for _, m := range evaluated.Metrics {
		if _, ok := m["loss_g"]; !ok {
			asides = append(asides, m)
			continue
		}
		delete(m, "eval_fid")
		delete(m, "eval_prdc")
		logs = append(logs, m)
	}
	assert.Equal(t, plain.Metrics, logs)
	assert.Len(t, asides, 3, "steps 3, 6 and 9; 12 is a log's")
	delete(plain.State, ".health")
	delete(evaluated.State, ".health")
	assert.Equal(t, plain.State, evaluated.State)
	assert.FileExists(t, res.Best)
	assert.Equal(t, filepath.Join(c.Run.Out, "checkpoints", "best.pt"), res.Best)
}

// A run that goes on writes the evaluations of one that never stopped, and knows its best.
func TestEvaluationsGoOn(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Watch.EvalEvery, c.Run.Watch.EvalN, c.Run.Watch.EvalBudget, c.Run.Device = 2, 40, 1000, "cpu"
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	whole := gantest.LeftBy(t, res)
	c.Run.Out, c.Run.Steps = filepath.Join(t.TempDir(), "parted"), 7
	_, err = train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	res, err = resume(t, c.Run.Out, &gantest.Recorder{}, "steps", "12")
	require.NoError(t, err)
	parted := gantest.LeftBy(t, res)
	assert.Equal(t, whole.Metrics, parted.Metrics)
	assert.Equal(t, whole.State, parted.State)
}

// Patience ends a run whose first measure gets no better.
func TestPatience(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Steps, c.Method.LR = 40, 1e-12 // nothing is learnt
	c.Run.Watch.EvalEvery, c.Run.Watch.EvalN, c.Run.Watch.Patience, c.Run.Watch.EvalBudget = 2, 40, 3, 1000
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	assert.True(t, res.Enough)
	assert.Less(t, res.Step, int64(40))
	assert.FileExists(t, res.Checkpoint)
}

// frozen takes a healthy run and makes its generator give one thing only, which no step changes any more.
func frozen(t *testing.T) (c Config, checkpoint string) {
	t.Helper()
	c = tinyConfig(t)
	c.Data.Spec, c.Run.Steps, c.Run.CheckpointEvery, c.Run.LogEvery, c.Run.Keep, c.Run.Device = "folder:"+gantest.Pictures(t, 40), 400, 400, 40, 99, "cpu"
	c.Method.GenLR, c.Method.LR = 1e-12, 1e-12
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	root := mustLoad(t, res.Checkpoint).(*pt.Dict)
	weight, err := pt.At[*pt.Tensor](root, "generator", "main.0.weight")
	require.NoError(t, err)
	values, err := pt.Values[float32](weight)
	require.NoError(t, err)
	state, err := pt.At[*pt.Dict](root, "generator")
	require.NoError(t, err)
	state.Set("main.0.weight", pt.Of(make([]float32, len(values)), weight.Shape...))
	path := filepath.Join(c.Run.Out, "checkpoints", "step-00000401.pt")
	root.Set("step", int64(401))
	root.Set("images", int64(401*8))
	d, err := pt.At[*pt.Dict](root, "data")
	require.NoError(t, err)
	d.Set("position", int64(401))
	require.NoError(t, pt.WriteFile(path, root))
	return c, path
}

func alerts(t *testing.T, dir string) (kinds []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "alerts.jsonl"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var a struct{ Kind string }
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// A generator that gives one thing is told of, ends the run where that was asked, or is turned back to what it was.
func TestACollapseIsSeen(t *testing.T) {
	for what, want := range map[string][]string{"warn": {"collapsed"}, "stop": {"collapsed"}, "rollback": {"collapsed", "rollback"}, "ignore": nil} {
		t.Run(what, func(t *testing.T) {
			c, _ := frozen(t)
			var r gantest.Recorder
			res, err := resume(t, c.Run.Out, &r, "steps", "700", "on-collapse", what)
			if what == "ignore" {
				require.NoError(t, err)
				assert.NoFileExists(t, filepath.Join(c.Run.Out, "alerts.jsonl"))
				return
			}
			assert.Equal(t, want, alerts(t, c.Run.Out))
			assert.Contains(t, strings.Join(r.Warns, "\n"), "collapsed: samples have")
			if what == "stop" {
				assert.ErrorContains(t, err, "collapsed")
				return
			}
			require.NoError(t, err)
			if what != "rollback" {
				return
			}
			assert.FileExists(t, filepath.Join(c.Run.Out, "checkpoints", "step-00000401.pt.collapsed"))
			rates, err := pt.At[float64](mustLoad(t, res.Checkpoint), "optimizer_g", "param_groups", 0, "lr")
			require.NoError(t, err)
			assert.InDelta(t, .5e-12, rates, 1e-20, "half the rate, and it is resumed so")
			_, err = resume(t, c.Run.Out, &gantest.Recorder{}, "steps", "720")
			require.NoError(t, err)
			left := gantest.LeftBy(t, res)
			last := 0.
			for _, m := range left.Metrics {
				assert.Greater(t, m["step"], last, "steps rise")
				last = m["step"].(float64)
			}
		})
	}
}
