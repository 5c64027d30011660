package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"forger/gan/gantest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// strace runs a command in dir with these of its options, and returns what it wrote down.
func strace(t *testing.T, dir string, options []string, args ...string) (got outcome, calls string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	got = command(t, dir, nil, "strace", append(append([]string{"-f", "--seccomp-bpf", "-y", "-o", log}, options...), append([]string{program}, args...)...)...)
	text, err := os.ReadFile(log)
	require.NoError(t, err, got.errout)
	return got, string(text)
}

func needsStrace(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: system calls are not made to fail: strace cannot be used here (apt-get install strace): %v: %s", err, out)
	}
}

// A file system without locks is told of, and everything goes on.
func TestAFileSystemWithoutLocks(t *testing.T) {
	needsStrace(t)
	dir := t.TempDir()
	none := []string{"-e", "trace=flock", "-e", "inject=flock:error=ENOSYS"}
	for name, args := range map[string][]string{
		"run/.lock":      append([]string{"train", "--steps", "2", "--out", "run", "--quiet"}, small...),
		"g.pack.partial": {"data", "pack", "glyphs", "g.pack", "--size", "16", "--limit", "9", "--quiet"},
	} {
		got, _ := strace(t, dir, none, args...)
		assert.Equal(t, exitDone, got.code, got.errout)
		assert.Contains(t, got.errout, name+" cannot be locked (function not implemented): goes on", name)
	}
	got, _ := strace(t, dir, none, "train", "--resume", "run", "--steps", "3")
	assert.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "run/.lock cannot be locked")
	assert.FileExists(t, filepath.Join(dir, "run", "checkpoints", "step-00000003.pt"))
}

// faulty are the system calls that are made to fail, and how.
var (
	faulty = []string{"openat", "read", "pread64", "write", "pwrite64", "fsync", "ftruncate", "renameat", "renameat2", "unlinkat", "mkdirat", "symlinkat",
		"readlinkat", "newfstatat", "fstat", "getdents64", "close"}
	faults = []string{"EIO", "ENOSPC", "EINTR", "EMFILE"}
	call   = regexp.MustCompile(`^(\d+) +(\w+)\(`)
)

// place is one call of a thread's.
type place struct {
	name string
	nth  int
}

// placesOn are the calls of a traced run that touch one of the folders.
func placesOn(calls string, folders ...string) (all []place) {
	made := map[string]int{}
	for line := range strings.Lines(calls) {
		m := call.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		made[m[1]+m[2]]++
		for _, folder := range folders {
			if strings.Contains(line, folder) {
				all = append(all, place{m[2], made[m[1]+m[2]]})
				break
			}
		}
	}
	return all
}

// A training of which one system call on its directory or its data fails, whichever it is and however: it ends with one
// line or not at all, every checkpoint that it spoke of is there and is to the bit what it is without the fault, and a
// resume ends as a run that nothing happened to. FORGER_TEST_FAULTS says how many calls are tried.
func TestARunWhoseSystemCallsFail(t *testing.T) {
	needsStrace(t)
	tries := 5
	if text := os.Getenv("FORGER_TEST_FAULTS"); text != "" {
		var err error
		tries, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	pictures, dir := gantest.Pictures(t, 24), t.TempDir()
	args := append([]string{"train", "--data", "folder:" + pictures, "--steps", "6", "--log-every", "1", "--sample-every", "2",
		"--checkpoint-every", "1", "--keep", "100", "--workers", "1", "--cache", "none"}, small...)
	whole := filepath.Join(dir, "whole")
	got, calls := strace(t, dir, []string{"-e", "trace=" + strings.Join(faulty, ",")}, append(args, "--out", whole)...)
	require.Equal(t, exitDone, got.code, got.errout)
	want := checkpointsOf(t, whole)
	require.Len(t, want, 6)
	places := placesOn(calls, whole, pictures)
	require.Greater(t, len(places), 100)

	random := rand.New(rand.NewPCG(uint64(tries), 7))
	hit, ended := 0, 0
	for try := 0; hit < tries && try < 5*tries; try++ {
		at, fault := places[random.IntN(len(places))], faults[random.IntN(len(faults))]
		out := filepath.Join(dir, fmt.Sprint("run", try))
		what := fmt.Sprintf("%s at the %d. %s of a thread", fault, at.nth, at.name)
		got, calls := strace(t, dir, []string{"-e", "trace=" + at.name, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", at.name, fault, at.nth)},
			append(args, "--out", out)...)
		ours, others := 0, 0 // when counts for each thread by itself, and one may be reading what libtorch asks of the machine
		for line := range strings.Lines(calls) {
			switch {
			case !strings.Contains(line, "(INJECTED)"):
			case strings.Contains(line, out), strings.Contains(line, pictures):
				ours++
				what += ": " + strings.TrimSpace(line)
			default:
				others++
			}
		}
		if ours == 0 || others > 0 {
			continue
		}
		hit++
		if got.code != exitDone {
			ended++
		}
		judge(t, what, got)
		have := checkpointsOf(t, out)
		for line := range strings.Lines(got.errout) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "wrote "); ok && strings.HasSuffix(path, ".pt") {
				assert.Contains(t, have, filepath.Base(path), "%s: it was written", what)
			}
		}
		for name, state := range have {
			same(t, what+": "+name, want[name], state)
		}
		again := forger(t, dir, nil, append(args, "--out", out)...)
		if _, err := os.Stat(filepath.Join(out, "config.yaml")); err == nil && again.code != exitDone {
			again = forger(t, dir, nil, "train", "--resume", out)
		}
		require.Equal(t, exitDone, again.code, "%s: %s", what, again.errout)
		same(t, what+": gone on with", want["step-00000006.pt"], checkpointsOf(t, out)["step-00000006.pt"])
		if t.Failed() {
			return
		}
	}
	require.GreaterOrEqual(t, hit, tries)
	t.Logf("of %d runs calls on their directories or data failed; %d ended by it", hit, ended)
}

// judge wants a run to be done, or to say in one line why it is not.
func judge(t *testing.T, what string, got outcome) {
	t.Helper()
	if got.code == exitDone {
		return
	}
	require.Equal(t, exitFailed, got.code, "%s: %s", what, got.errout)
	last := lastLine(got.errout)
	assert.True(t, strings.HasPrefix(last, "forger: "), "%s: %s", what, got.errout)
	for _, trace := range []string{"internal error", "goroutine ", "panic:", "fatal error"} {
		assert.NotContains(t, got.errout, trace, what)
	}
}

// checkpointsOf are the values of a run's checkpoints by name, but for how long they took to train.
func checkpointsOf(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "checkpoints", "step-*.pt"))
	require.NoError(t, err)
	all := map[string]map[string]any{}
	for _, path := range paths {
		all[filepath.Base(path)] = gantest.State(t, path)
	}
	return all
}

// same compares two checkpoints and names what differs.
func same(t *testing.T, what string, want, got map[string]any) {
	t.Helper()
	assert.Equal(t, len(want), len(got), what)
	for key, value := range want {
		assert.True(t, assert.ObjectsAreEqual(value, got[key]), "%s: %s is not what it is without the fault", what, key)
	}
}
