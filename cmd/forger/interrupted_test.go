package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A disk that is full while a checkpoint is written: the run says so and ends with 1; the last good checkpoint, and
// what `latest` names, stay whole, and no temporary file is left.
func TestAFullDiskWhileSaving(t *testing.T) {
	dir := t.TempDir()
	first := forger(t, dir, nil, append([]string{"train", "--steps", "1", "--out", "ok"}, small...)...)
	require.Equal(t, exitDone, first.code, first.errout)
	info, err := os.Stat(filepath.Join(dir, "ok", "checkpoints", "step-00000001.pt"))
	require.NoError(t, err)

	// A limit on the size of files that a checkpoint exceeds, and nothing else does.
	limit := fmt.Sprintf("ulimit -f %d; exec \"$0\" \"$@\"", (info.Size()-1)/1024)
	args := append([]string{"-c", limit, program, "train", "--steps", "3", "--out", "full"}, small...)
	got := command(t, dir, nil, "bash", args...)
	assert.Equal(t, exitFailed, got.code)
	last := lastLine(got.errout)
	assert.Equal(t, "forger: train: checkpoint of step 3: pt: write full/checkpoints/step-00000003.pt: file too large: "+
		"there is no checkpoint before it: make room, then go on with --resume full", last)
	entries, err := os.ReadDir(filepath.Join(dir, "full", "checkpoints"))
	require.NoError(t, err)
	assert.Empty(t, entries)

	// And while sampling.
	limit = "ulimit -f 0; exec \"$0\" \"$@\""
	got = command(t, dir, nil, "bash", "-c", limit, program, "sample", "--checkpoint", "ok/checkpoints/latest", "--out", "grid.png", "--device", "cpu")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, lastLine(got.errout), "forger: sample: vision: write grid.png: file too large")
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, names, 2, "ok and full, no grid, nothing half-written")
}

// The first signal ends the run after the step in hand, saved, with exit code 0.
func TestASignalSavesAndExitsWithZero(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		dir := t.TempDir()
		cmd := exec.Command(program, append([]string{"train", "--steps", "100000000", "--log-every", "1", "--out", "run"}, small...)...)
		cmd.Dir = dir
		errout, err := cmd.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(errout)
		text, sent := "", false
		for lines.Scan() {
			text += lines.Text() + "\n"
			if !sent && strings.HasPrefix(lines.Text(), "step 3/") {
				require.NoError(t, cmd.Process.Signal(sig))
				sent = true
			}
		}
		require.NoError(t, cmd.Wait(), text)
		assert.Contains(t, text, "stopped after ")
		assert.FileExists(t, filepath.Join(dir, "run", "checkpoints", "latest"))
	}
}

// A run that was started to outlive its terminal does: what nohup ignores stays ignored.
func TestAnIgnoredHangupIsIgnored(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, program, "train", "--steps", "60", "--log-every", "1", "--out", "run"}, small...)
	cmd := exec.Command("sh", args...)
	cmd.Dir = dir
	errout, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	text := ""
	for lines := bufio.NewScanner(errout); lines.Scan(); {
		text += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "step 3/") || strings.HasPrefix(lines.Text(), "step 5/") {
			require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
		}
	}
	require.NoError(t, cmd.Wait(), text)
	assert.Contains(t, text, "done after 60 steps")
}

// Progress that nobody reads any more, as of `train 2>&1 | head`, is no reason to stop.
func TestARunOutlivesItsReader(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(program, append([]string{"train", "--steps", "60", "--log-every", "1", "--out", "run"}, small...)...)
	cmd.Dir = dir
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = write, write
	require.NoError(t, cmd.Start())
	require.NoError(t, write.Close())
	for lines := bufio.NewScanner(read); lines.Scan() && !strings.HasPrefix(lines.Text(), "step 3/"); {
	}
	require.NoError(t, read.Close())
	require.NoError(t, cmd.Wait())
	assert.FileExists(t, filepath.Join(dir, "run", "checkpoints", "step-00000060.pt"))
}

func TestTheSecondSignalAborts(t *testing.T) {
	aborted := make(chan struct{})
	ctx, stop := withSignals(context.Background(), func() { close(aborted) })
	defer stop()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	<-ctx.Done()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	<-aborted
}
