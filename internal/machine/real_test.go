package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain prints what is free, where a test starts this program for that.
func TestMain(m *testing.M) {
	if os.Getenv("FORGER_TEST_FREE_MEMORY") != "" {
		free, err := FreeMemory()
		fmt.Println(free, err)
		return
	}
	os.Exit(m.Run())
}

// limited makes a memory cgroup of so many bytes, of the version that this machine has, for the length of the test.
func limited(t *testing.T, bytes int) (dir string) {
	t.Helper()
	top := map[bool]string{} // by version: the last one is the topmost
	for _, g := range here.cgroups("memory") {
		top[g.v2] = g.dir
	}
	for v2, dir := range top {
		dir = filepath.Join(dir, fmt.Sprintf("forger-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Logf("no cgroup can be made: %v", err)
			continue
		}
		t.Cleanup(func() { assert.NoError(t, os.Remove(dir)) })
		name := map[bool]string{false: "memory.limit_in_bytes", true: "memory.max"}[v2]
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0) // which is not made where it is missing
		if err != nil {
			t.Logf("no memory in this version: %v", err)
			continue
		}
		_, err = f.WriteString(strconv.Itoa(bytes))
		require.NoError(t, errors.Join(err, f.Close()))
		return dir
	}
	t.Skip("SKIPPED: no memory cgroup can be made here: a limit of the system's own is not tried")
	return ""
}

// A process in a cgroup of 200 MB finds what that leaves, on this very machine.
func TestAProcessSeesTheLimitOfItsCgroup(t *testing.T) {
	const limit = 200e6
	dir := limited(t, limit)
	cmd := exec.Command("sh", "-c", `echo $$ >"$1"/cgroup.procs && exec "$0"`, os.Args[0], dir)
	cmd.Env = append(os.Environ(), "FORGER_TEST_FREE_MEMORY=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	var free int64
	_, err = fmt.Sscan(string(out), &free)
	require.NoError(t, err, string(out))
	assert.True(t, strings.HasSuffix(string(out), " <nil>\n"))
	assert.LessOrEqual(t, free, int64(limit))
	assert.Greater(t, free, int64(limit/2), "the process itself takes a few MB")
}
