package torchtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Python is an interpreter that has real PyTorch: $FORGER_PYTHON, or the one that scripts/setup installs. Without one
// the test is skipped.
func Python(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("FORGER_PYTHON"); given != "" {
		return given
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	path := filepath.Join(cache, "forger", "torch-2.11.0", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no PyTorch to compare with at %s: run `scripts/setup --tests`, or name a Python that has it in FORGER_PYTHON", path)
	}
	return path
}

// JSON runs a command and reads what it prints into v. PyTorch in it computes float32 in float32 on any device.
func JSON(t testing.TB, v any, command string, args ...string) {
	t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Env = append(os.Environ(), "NVIDIA_TF32_OVERRIDE=0")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s: %s", cmd, errs.String())
	require.NoError(t, json.Unmarshal(out.Bytes(), v), "%s: %.200s", cmd, out.String())
}
