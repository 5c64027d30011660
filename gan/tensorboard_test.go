package gan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/gan/report/figure"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seen is what TensorBoard's own readers find in a run's directory.
type seen struct {
	Scalars map[string][][2]float64 // step, value
	Images  map[string][][]any      // step, width, height, mode
	Texts   map[string][][]any      // step, Markdown
	Charts  map[string][]string
	HParams struct {
		Settings map[string]any
		Metrics  map[string][2]float64
		Status   string
	}
}

func tensorBoard(t *testing.T, dir string) (s seen) {
	t.Helper()
	torchtest.JSON(t, &s, torchtest.Python(t), filepath.Join(torchtest.Root(t), "scripts", "open_tensorboard.py"), dir)
	return s
}

// lines are the figures of metrics.jsonl as TensorBoard has them.
func lines(t *testing.T, dir string) map[string][][2]float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	all := map[string][][2]float64{}
	for line := range strings.Lines(string(text)) {
		var m map[string]float64
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		for name, value := range m {
			if name != "step" {
				tag := figure.Of(name).Tag()
				all[tag] = append(all[tag], [2]float64{m["step"], float64(float32(value))})
			}
		}
	}
	return all
}

// A run that was killed while it wrote, and resumed from before its last lines, shows in TensorBoard what metrics.jsonl
// has, each step once.
func TestTensorBoardReadsARun(t *testing.T) {
	torchtest.Python(t)
	c := tinyConfig(t)
	c.Run.Steps, c.Run.LogEvery, c.Run.SampleEvery, c.Run.Device = 7, 2, 2, "cpu"
	c.Run.Watch.EvalEvery, c.Run.Watch.EvalN, c.Run.Watch.EvalBudget = 3, 40, 1000
	_, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(c.Run.Out, "checkpoints", "step-00000007.pt")))
	first, err := filepath.Glob(filepath.Join(c.Run.Out, "events.out.tfevents.*"))
	require.NoError(t, err)
	require.Len(t, first, 1)
	info, err := os.Stat(first[0])
	require.NoError(t, err)
	require.NoError(t, os.Truncate(first[0], info.Size()-5))
	_, err = resume(t, c.Run.Out, &gantest.Recorder{}, "steps", "12")
	require.NoError(t, err)

	s := tensorBoard(t, c.Run.Out)
	assert.Equal(t, lines(t, c.Run.Out), s.Scalars)
	assert.Len(t, s.Scalars["loss/g"], 6)
	assert.Len(t, s.Scalars["eval/fid"], 4)
	size := []any{146., 146., "L"} // 8x8 images of 16x16
	at := func(step float64) []any { return append([]any{step}, size...) }
	assert.Equal(t, [][]any{at(2), at(4), at(6), at(8), at(10), at(12)}, s.Images["samples"])
	assert.Equal(t, [][]any{at(0)}, s.Images["real"])
	config, err := os.ReadFile(filepath.Join(c.Run.Out, "config.yaml"))
	require.NoError(t, err)
	text := s.Texts["settings/text_summary"]
	assert.Equal(t, "    "+string(bytes.TrimSpace(bytes.ReplaceAll(config, []byte("\n"), []byte("\n    ")))), strings.TrimRight(text[len(text)-1][1].(string), "\n "))
	assert.Equal(t, map[string][]string{"loss": {"loss/d", "loss/g"}, "score": {"score/real", "score/fake"}, "eval": {"eval/fid"}}, s.Charts)
	assert.Equal(t, "STATUS_SUCCESS", s.HParams.Status)
	assert.Equal(t, 8., s.HParams.Settings["batch"])
	assert.Equal(t, true, s.HParams.Settings["deterministic"])
	assert.Equal(t, "nonsaturating", s.HParams.Settings["loss"])
	for tag, want := range map[string]float64{"loss/d": 12, "loss/g": 12, "eval/fid": 12} {
		assert.Equal(t, want, s.HParams.Metrics[tag][0], tag)
	}
}
