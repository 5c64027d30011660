package gan

import (
	"context"
	"encoding/json"
	"math"
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

// What the discriminator says is read as probabilities where the objective makes it that, by which a saturation is known.
func TestALogTellsProbabilities(t *testing.T) {
	for loss, want := range map[string]bool{"nonsaturating": true, "hinge": false} {
		c := tinyConfig(t)
		c.Method.Loss = loss
		var r gantest.Recorder
		_, err := train(t, t.Context(), c, &r)
		require.NoError(t, err)
		for _, m := range r.Lines[0].Means {
			assert.Equal(t, want && (m.Name == "d_real" || m.Name == "d_fake"), m.Probability, "%s of %s", m.Name, loss)
		}
	}
}

// A log has the gradient's norm where one of its steps measured it, and what the value function says.
func TestALogsFiguresOfHealth(t *testing.T) {
	c := tinyConfig(t)
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	for _, m := range gantest.LeftBy(t, res).Metrics {
		steep, measured := m["grad_g"].(float64)
		assert.Equal(t, m["step"] == 12., measured, "of steps 9 to 12 it is the tenth")
		assert.True(t, !measured || steep > 0)
		loss, gap := m["loss_d"].(float64), m["value_gap"].(float64)
		assert.InDelta(t, math.Log(4)-loss, gap, 1e-12)
		assert.InDelta(t, gap/2, m["js_estimate"], 1e-12)
	}
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
	c.Run.Steps, c.Method.LR, c.Run.CheckpointEvery = 400, 1e-12, 400 // nothing is learnt
	c.Run.Watch.EvalEvery, c.Run.Watch.EvalN, c.Run.Watch.Patience, c.Run.Watch.EvalBudget = 10, 40, 3, 1000
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	assert.True(t, res.Enough)
	assert.Less(t, res.Step, int64(400))
	assert.FileExists(t, res.Checkpoint)
}

// frozen is a run that went well, whose generator was then made to give one thing only: a directory to go on in.
func frozen(t *testing.T) (dir string) {
	t.Helper()
	c := tinyConfig(t)
	c.Run.Steps, c.Run.CheckpointEvery, c.Run.SampleEvery, c.Run.LogEvery, c.Run.Keep, c.Run.Device = 200, 200, 1000, 20, 99, "cpu"
	c.Method.LR, c.Method.Model.GenWidth, c.Method.Model.DiscWidth = 2e-3, 4, 4
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	root := mustLoad(t, res.Checkpoint).(*pt.Dict)
	weight, err := pt.At[*pt.Tensor](root, "generator", "main.0.weight")
	require.NoError(t, err)
	state, err := pt.At[*pt.Dict](root, "generator")
	require.NoError(t, err)
	state.Set("main.0.weight", pt.Of(make([]float32, weight.NumBytes()/4), weight.Shape...))
	d, err := pt.At[*pt.Dict](root, "data")
	require.NoError(t, err)
	d.Set("position", int64(201))
	root.Set("step", int64(201))
	require.NoError(t, pt.WriteFile(filepath.Join(c.Run.Out, "checkpoints", "step-00000201.pt"), root))
	return c.Run.Out
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
	spoilt := frozen(t)
	for what, want := range map[string][]string{"warn": {"collapsed"}, "stop": {"collapsed"}, "rollback": {"collapsed", "rollback"}, "ignore": nil} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			require.NoError(t, os.CopyFS(dir, os.DirFS(spoilt)))
			var r gantest.Recorder
			res, err := resume(t, dir, &r, "steps", "280", "on-collapse", what, "gen-lr", "1e-12")
			if what == "ignore" {
				require.NoError(t, err)
				assert.NoFileExists(t, filepath.Join(dir, "alerts.jsonl"))
				return
			}
			assert.Equal(t, want, alerts(t, dir))
			assert.Contains(t, strings.Join(r.Warns, "\n"), "collapsed: samples have")
			if what == "stop" {
				assert.ErrorContains(t, err, "collapsed")
				return
			}
			require.NoError(t, err)
			if what == "rollback" {
				rolledBack(t, dir, res.Checkpoint)
			}
		})
	}
}

// rolledBack looks at a run that was turned back from step 280 to step 200.
func rolledBack(t *testing.T, dir, last string) {
	t.Helper()
	assert.FileExists(t, filepath.Join(dir, "checkpoints", "step-00000201.pt.collapsed"))
	root := mustLoad(t, last)
	for key, want := range map[string]float64{"optimizer_g": .5e-12, "optimizer_d": 1e-3} {
		rate, err := pt.At[float64](root, key, "param_groups", 0, "lr")
		require.NoError(t, err)
		assert.InEpsilon(t, want, rate, 1e-9, key)
	}
	res, err := resume(t, dir, &gantest.Recorder{}, "steps", "300")
	require.NoError(t, err)
	rate, err := pt.At[float64](mustLoad(t, res.Checkpoint), "optimizer_d", "param_groups", 0, "lr")
	require.NoError(t, err)
	assert.InEpsilon(t, 1e-3, rate, 1e-9, "half the rate is resumed")
	step := 0.
	for _, m := range gantest.LeftBy(t, res).Metrics {
		assert.Greater(t, m["step"], step)
		step = m["step"].(float64)
	}
	assert.InDelta(t, 300, step, 0)
	s := tensorBoard(t, dir)
	assert.Equal(t, lines(t, dir), s.Scalars)
	assert.Contains(t, s.Texts["alerts/text_summary"][0][1], "collapsed")
}

// A signal in an evaluation ends the run as it does between two: the step is saved.
func TestASignalInAnEvaluationSavesTheStep(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Watch.EvalEvery, c.Run.Watch.EvalN, c.Run.Watch.EvalBudget, c.Run.Device = 2, 40, 1000, "cpu"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	res, err := train(t, ctx, c, &gantest.Recorder{OnStep: func(step int64) {
		if step == 4 {
			stop()
		}
	}})
	require.NoError(t, err)
	assert.True(t, res.Stopped)
	assert.Equal(t, int64(4), res.Step)
	assert.Equal(t, "step-00000004.pt", filepath.Base(res.Checkpoint))
}
