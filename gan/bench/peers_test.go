package bench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// python runs a program beside the peers and returns what it prints.
func python(t *testing.T, interpreter, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(interpreter, append([]string{"-c", program}, args...)...)
	cmd.Dir = filepath.Join(torchtest.Root(t), "scripts", "peers")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The official step is measured with what its file sets and PyTorch's defaults; the others with what they ask for.
func TestPeersComputeWithWhatTheirAuthorsSet(t *testing.T) {
	text, err := python(t, torchtest.Python(t), `
import json, torch, step
from argparse import Namespace
found = []
for official, tf32 in ((True, False), (False, False), (False, True)):
    step.mathematics(Namespace(official=official, tf32=tf32, device="cuda"))
    found.append([torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32])
print(json.dumps(found))`)
	require.NoError(t, err, text)
	assert.JSONEq(t, "[[true, true, false], [true, false, false], [true, true, true]]", text)
}

// On CUDA each precision has a step run by Python, one captured by hand, and compiled ones, one of them by graphs. A peer
// that fails costs no figure of another's, and each figure is on the disk as soon as it is there.
func TestEveryPeerIsMeasuredAndKept(t *testing.T) {
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("NOT TESTED: " + err.Error())
	}
	dir := t.TempDir()
	step, forger, report := filepath.Join(dir, "step.py"), filepath.Join(dir, "forger"), filepath.Join(dir, "found.json")
	figures := `{"images_per_second": 100, "peak_mib": 30, "base_mib": 10, "reserved_mib": 50}`
	require.NoError(t, os.WriteFile(step, []byte("import sys, pathlib\nkept = pathlib.Path('"+report+"').read_text()\nif '--graph' in sys.argv and '--bf16' in sys.argv:\n"+
		"    sys.exit('no graph today')\nassert 'Forger, bf16' in kept, kept\nprint('a warning')\nprint('"+figures+"')\n"), 0o644))
	require.NoError(t, os.WriteFile(forger, []byte("#!/bin/sh\ncat <<'EOF'\n{\n"+figures[1:]+"\nEOF\n"), 0o755))
	table, err := python(t, interpreter, `
import pathlib, sys, compare
compare.STEP = pathlib.Path(sys.argv[1])
sys.argv = ["compare"] + sys.argv[2:]
compare.main()`, step, forger, "--device", "cuda", "--rounds", "1", "--batch", "64", "--seconds", "60", "--json", report)
	require.NoError(t, err, table)
	var kept struct {
		Found map[string]map[string][]map[string]float64
	}
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &kept))
	want := []string{"Forger, tf32", "Forger, bf16", "official"}
	for _, p := range []string{"tf32", "bf16"} {
		want = append(want, "tuned, "+p, "tuned, "+p+", compiled", "tuned, "+p+", reduce-overhead")
	}
	var found []string
	for name, results := range kept.Found["64"] {
		found = append(found, name)
		assert.Len(t, results, 1, name)
	}
	assert.ElementsMatch(t, append(want, "tuned, tf32, captured"), found)
	assert.Contains(t, table, "| official | 100.0 (100.0-100.0) | 20 | 50 | 1.00 | 1.00 |")
	assert.Contains(t, table, "tuned, bf16, captured: not measured: ")
	assert.Equal(t, 1, strings.Count(table, "not measured"))
}
