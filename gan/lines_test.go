package gan

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/gan/report/figure"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/metrics.md has every field that a run writes, and says of each what the program says.
func TestTheLinesAreAsDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(torchtest.Root(t), "docs", "metrics.md"))
	require.NoError(t, err)
	says := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\|[^|]*\\| (.*) \\|$").FindAllSubmatch(doc, -1) {
		says[string(m[1])] = string(m[2])
	}
	for _, f := range figure.Table {
		assert.Equal(t, f.Doc, says[f.Name], f.Name)
	}
	c := tinyConfig(t)
	c.Method.Penalties, c.Run.Watch.EvalEvery, c.Run.Watch.EvalN = []string{"r1"}, 12, 20
	_, err = train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(c.Run.Out, "metrics.jsonl"))
	require.NoError(t, err)
	written := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var m map[string]*float64
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		for name := range m {
			written[regexp.MustCompile("^(loss|eval)_.*").ReplaceAllString(name, "${1}_*")] = true
		}
	}
	for name := range written {
		assert.NotEmpty(t, says[name], "%s is not in docs/metrics.md", name)
	}
	delete(says, "device_mib")
	for name := range says {
		assert.True(t, written[name], "no run writes %s", name)
	}
}

// scripts/track.py tells a tracker every line once, also of a run that went back.
func TestATrackerIsToldOfARun(t *testing.T) {
	run, modules := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(run, "config.yaml"), []byte("seed: 7\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(run, "metrics.jsonl"), []byte("{\"step\":2,\"loss_g\":1.5}\n{\"step\":4,\"loss_g\":null}\n{\"step\":6,\"lo"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(modules, "tracker.py"), []byte(`
def init(**given): print("init", given["config"])
def log(figures, step): print(step, figures)
def finish(): print("finish")
`), 0o644))
	cmd := exec.Command(torchtest.Python(t), filepath.Join(torchtest.Root(t), "scripts", "track.py"), run, "tracker")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "TRACK_PATIENCE=.1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "init {'config.yaml': 'seed: 7\\n'}\n2 {'loss_g': 1.5}\n4 {}\nfinish\n", string(out))
}
