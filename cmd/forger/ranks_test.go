package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ranked are the processes of a run of several ranks, which nobody launched but the test.
type ranked struct {
	cmds []*exec.Cmd
	errs []*bytes.Buffer // of all but rank 0
	said *bufio.Scanner  // rank 0
	all  strings.Builder // that it said
}

func startRanks(t *testing.T, dir string, size int, args ...string) *ranked {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	r := &ranked{}
	for i := range size {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), fmt.Sprint("RANK=", i), fmt.Sprint("WORLD_SIZE=", size), fmt.Sprint("LOCAL_RANK=", i),
			fmt.Sprint("LOCAL_WORLD_SIZE=", size), "MASTER_ADDR=127.0.0.1", fmt.Sprint("MASTER_PORT=", port))
		r.errs = append(r.errs, new(bytes.Buffer))
		if i > 0 {
			cmd.Stderr = r.errs[i]
		} else {
			out, err := cmd.StderrPipe()
			require.NoError(t, err)
			r.said = bufio.NewScanner(out)
		}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		r.cmds = append(r.cmds, cmd)
	}
	return r
}

// until reads what rank 0 says to the first line with a text, or to its end.
func (r *ranked) until(text string) bool {
	for r.said.Scan() {
		fmt.Fprintln(&r.all, r.said.Text())
		if strings.Contains(r.said.Text(), text) {
			return true
		}
	}
	return false
}

// codes are how the processes ended.
func (r *ranked) codes() (all []int) {
	r.until("\x00")
	for _, cmd := range r.cmds {
		_ = cmd.Wait() // the code says how it ended
		all = append(all, cmd.ProcessState.ExitCode())
	}
	return all
}

var many = []string{"train", "--sync-bn", "--log-every", "5", "--sample-every", "1000", "--checkpoint-every", "10", "--seed", "3",
	"--size", "16", "--gen-width", "2", "--disc-width", "2", "--latent", "4", "--batch", "12", "--device", "cpu", "--threads", "1", "--layout", "channels_last"}

// One rank that is killed, or that hangs, ends the others with exit code 75 and a line that names it; what was saved is as it was,
// and another number of ranks goes on from it.
func TestALostRankEndsAll(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "hung": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) { lostRank(t, signal) })
	}
}

func lostRank(t *testing.T, signal syscall.Signal) {
	dir := t.TempDir()
	r := startRanks(t, dir, 3, append(many, "--out", "run", "--steps", "100000", "--rank-timeout", "4s")...)
	require.True(t, r.until("step-00000010.pt"), r.all.String())
	require.NoError(t, r.cmds[1].Process.Signal(signal))
	r.until("\x00")
	_ = r.cmds[2].Wait() // its code says how it ended
	require.NoError(t, r.cmds[1].Process.Kill())
	assert.Equal(t, []int{exitLost, -1, exitLost}, r.codes())
	lines := strings.Split(strings.TrimSpace(r.all.String()), "\n")
	assert.Regexp(t, `^forger: train: rank 0: lost rank 1: .*: start the ranks again, with --resume`, lines[len(lines)-1])
	assert.Regexp(t, `^forger: train: rank 2: lost rank 1: [^\n]*\n$`, r.errs[2].String())
	saved, err := filepath.EvalSymlinks(filepath.Join(dir, "run", "checkpoints", "latest"))
	require.NoError(t, err)
	step, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(saved), "step-"), ".pt"))
	require.NoError(t, err)
	hidden, err := filepath.Glob(filepath.Join(dir, "run", "checkpoints", ".*"))
	require.NoError(t, err)
	assert.Empty(t, hidden)

	r = startRanks(t, dir, 2, "train", "--resume", "run", "--steps", fmt.Sprint(step+5))
	assert.Equal(t, []int{exitDone, exitDone}, r.codes(), r.errs[1])
	assert.Contains(t, r.all.String(), fmt.Sprintf("goes on from step %d", step))
}

// SIGTERM to one rank stops all, and the step is saved.
func TestASignalToOneRankStopsAll(t *testing.T) {
	dir := t.TempDir()
	r := startRanks(t, dir, 2, append(many, "--out", "run", "--steps", "100000")...)
	require.True(t, r.until("step-00000010.pt"), r.all.String())
	require.NoError(t, r.cmds[1].Process.Signal(syscall.SIGTERM))
	assert.Equal(t, []int{exitDone, exitDone}, r.codes(), r.errs[1])
	assert.Contains(t, r.all.String(), "2 ranks, each on device cpu")
	assert.Contains(t, r.all.String(), "stopped after")
	assert.Empty(t, r.errs[1].String())
}

// Commands of one process are refused where a launcher starts several, and variables that are wrong are told of.
func TestCommandsOfOneProcessAreRefusedUnderALauncher(t *testing.T) {
	dir := t.TempDir()
	world := []string{"RANK=1", "WORLD_SIZE=2", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=29500"}
	for _, args := range [][]string{{"bench"}, {"sample", "--checkpoint", "x"}, {"eval", "--checkpoint", "x"}, {"export", "--checkpoint", "x", "--out", "y"}} {
		got := forger(t, dir, world, args...)
		assert.Equal(t, exitUsage, got.code)
		assert.Contains(t, got.errout, "starts 2 ranks, and forger "+args[0]+" is of one process: start it without the launcher")
	}
	got := forger(t, dir, []string{"RANK=1"}, "train", "--steps", "1")
	assert.NotEqual(t, exitDone, got.code)
	assert.Contains(t, got.errout, "RANK=1 without WORLD_SIZE")
}
