package trainer

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

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
					var r gantest.Recorder
					res, err := train(t, context.Background(), c, &r)
					require.NoError(t, err)
					assert.Equal(t, graph, r.Start.Resolved.Graph)
					end := gantest.LeftBy(t, res)
					end.State.Set("config", "")
					ends = append(ends, end)
				}
				assert.Empty(t, differences("", ends[0].State, ends[1].State))
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
	var lines [][]LogLine
	for _, graph := range []string{"off", "on"} {
		c.Run.Graph, c.Run.Out = graph, filepath.Join(t.TempDir(), graph)
		var r gantest.Recorder
		_, err := train(t, context.Background(), c, &r)
		require.NoError(t, err)
		lines = append(lines, r.Lines)
	}
	require.Len(t, lines[1], 20)
	for i, want := range lines[0] {
		assert.InDelta(t, want.LossD, lines[1][i].LossD, 1e-3, "step %d", want.Step)
		assert.InDelta(t, want.LossG, lines[1][i].LossG, 1e-3, "step %d", want.Step)
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
	onTrainer(t, c, func(tr *trainer) {
		steps(t, tr, 6)
		want = stateOf(t, tr)
	})
	onTrainer(t, c, func(tr *trainer) {
		draw := tr.st.draw
		tr.st.draw = func(s *torch.Scope, n int) torch.Tensor {
			z := draw(s, n)
			_ = z.Sum().Item()
			return z
		}
		o := origin{cfg: c}
		o.cfg.Run.Graph, tr.resolved.Graph = "auto", "on"
		require.NoError(t, o.captureStep(tr))
		require.Len(t, o.notes, 1)
		assert.Regexp(t, "^graph: torch: .*captur.*: running without$", o.notes[0])
		assert.Nil(t, tr.graph)
		steps(t, tr, 3)
		tr.st.draw = draw
		tr.resolved.Graph = "on"
		require.NoError(t, o.captureStep(tr))
		require.NotNil(t, tr.graph, fmt.Sprint(o.notes))
		steps(t, tr, 3)
		assert.Empty(t, differences("", want, stateOf(t, tr)))
	})
}
