package trainer

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"forger/gan/gantest"
	"forger/gan/method"
	"forger/gan/report"
	"forger/torch"
	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onCUDA skips loudly where there is no device.
func onCUDA(t *testing.T) {
	t.Helper()
	if n, err := torch.OpenCUDA(); n == 0 {
		t.Skip("NOT TESTED: the captured step needs a CUDA device: " + err.Error())
	}
}

// On the device: runs with and without the graph are the same run, to the bit with deterministic kernels.
func TestTheGraphOnTheDevice(t *testing.T) {
	onCUDA(t)
	for name, change := range variants {
		for _, precision := range []string{"fp32", "tf32", "bf16"} {
			t.Run(name+", "+precision, func(t *testing.T) {
				c := tinyConfig(t)
				change(t, &c)
				c.Run.Device, c.Run.Steps, c.Run.LogEvery, c.Run.Precision = "cuda", 20, 1, precision
				var ends []gantest.Left
				for _, graph := range []string{"off", "on"} {
					c.Run.Graph, c.Run.Out = graph, filepath.Join(t.TempDir(), graph)
					res, err := train(t, context.Background(), c, &gantest.Recorder{})
					require.NoError(t, err)
					end := gantest.LeftBy(t, res)
					ends = append(ends, end)
				}
				assert.Equal(t, ends[0].State, ends[1].State)
				assert.Equal(t, ends[0].Metrics, ends[1].Metrics)
				assert.Equal(t, ends[0].Samples, ends[1].Samples)
			})
		}
	}
}

// Without deterministic kernels the runs stay close, where the optimizer does not turn rounding into signs.
func TestTheGraphWithMeasuredKernels(t *testing.T) {
	onCUDA(t)
	c := tinyConfig(t)
	c.Run.Device, c.Run.Steps, c.Run.LogEvery, c.Run.Precision, c.Run.Deterministic = "cuda", 20, 1, "fp32", false
	c.Method.Optim, c.Method.LR = "sgd", 1e-3
	var lines [][]report.Line
	for _, graph := range []string{"off", "on"} {
		c.Run.Graph, c.Run.Out = graph, filepath.Join(t.TempDir(), graph)
		var r gantest.Recorder
		_, err := train(t, context.Background(), c, &r)
		require.NoError(t, err)
		lines = append(lines, r.Lines)
	}
	require.Len(t, lines[1], 20)
	for i, want := range lines[0] {
		assert.InDelta(t, want.Value("loss_d"), lines[1][i].Value("loss_d"), 1e-3, "step %d", want.Step)
		assert.InDelta(t, want.Value("loss_g"), lines[1][i].Value("loss_g"), 1e-3, "step %d", want.Step)
	}
}

// On the device: a run that is resumed is the run that never stopped, each with its own graph.
func TestAResumeOnTheDevice(t *testing.T) {
	onCUDA(t)
	c := tinyConfig(t)
	c.Run.Device, c.Run.Graph, c.Run.VerifyResume, c.Method.EMA, c.Data.Spec = "cuda", "on", 5, .9, "folder:"+gantest.Pictures(t, 21)
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	assert.NoError(t, err)
}

// On the device: a step that waits for the device cannot be captured. It is told of, the run is as if it had never been
// tried, and a later capture is possible.
func TestACaptureThatWaitsOnTheDevice(t *testing.T) {
	onCUDA(t)
	c := tinyConfig(t)
	c.Run.Device, c.Run.Graph = "cuda", "off"
	var want *pt.Dict
	onTrainer(t, c, func(tr *Trainer) {
		steps(t, tr, 6)
		want = stateOf(t, tr)
	})
	onTrainer(t, c, func(tr *Trainer) {
		m := tr.m
		tr.m = tapped{m, func(s *torch.Scope, batches []method.Batch, variant int) {
			_ = batches[0].X.Sum().Item()
			m.Step(s, batches, variant)
		}}
		p := &setup{job: c.job(), from: &Origin{}}
		p.job.Graph, tr.resolved.Graph = "auto", "on"
		require.NoError(t, p.captureStep(tr))
		require.Len(t, p.from.notes, 1)
		assert.Regexp(t, "^graph: torch: .*captur.*: running without$", p.from.notes[0])
		steps(t, tr, 3)
		tr.m, tr.resolved.Graph, tr.graphs = m, "on", map[form]*captured{}
		require.NoError(t, p.captureStep(tr))
		require.NotNil(t, tr.keep, fmt.Sprint(p.from.notes))
		steps(t, tr, 3)
		assert.Empty(t, differences("", want, stateOf(t, tr)))
	})
}
