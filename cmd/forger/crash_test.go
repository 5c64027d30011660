package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run that is killed at random moments, while it saves and while it starts too, and is resumed until it is done ends
// with the checkpoint of a run that nobody disturbed.
func TestARunThatIsKilledEndsAsOneThatIsNot(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{"train", "--steps", "150", "--log-every", "3", "--sample-every", "7", "--checkpoint-every", "1",
		"--ema", ".9", "--workers", "1"}, small...)
	args = append(args, "--gen-width", "48", "--disc-width", "48")
	start := time.Now()
	got := forger(t, dir, nil, append(args, "--out", "whole")...)
	window := float64(time.Since(start)) * .7 // a machine that is busy takes longer, and is killed later
	require.Equal(t, exitDone, got.code, got.errout)

	random := rand.New(rand.NewPCG(1, 2))
	command := append(args, "--out", "killed")
	kills, done := 0, false
	const tries = 200
	for try := range tries {
		if _, err := os.Stat(filepath.Join(dir, "killed", "config.yaml")); err == nil {
			command = []string{"train", "--resume", "killed"}
		}
		errout, err := killed(t, dir, command, try < 4, random, window)
		window *= 1.02
		if err == nil {
			done = true
			break
		}
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit) && exit.ExitCode() == -1, "killed, and not failed: %v: %s", err, errout)
		kills++
	}
	require.True(t, done, "not done after %d tries", tries)
	t.Logf("killed %d times", kills)
	assert.Positive(t, kills)
	assert.Equal(t, leftOf(t, filepath.Join(dir, "whole")), leftOf(t, filepath.Join(dir, "killed")))
	for _, sub := range []string{".", "samples", "checkpoints"} {
		hidden, err := filepath.Glob(filepath.Join(dir, "killed", sub, ".*"))
		require.NoError(t, err)
		for _, path := range hidden {
			assert.Equal(t, ".lock", filepath.Base(path), "left behind")
		}
	}
}

// killed runs a training and kills it: after some lines of its log, so that it is at work and far from done however busy
// the machine is, or at any moment of window nanoseconds. The error is that of Wait; none where the training was faster.
func killed(t *testing.T, dir string, command []string, atLine bool, random *rand.Rand, window float64) (errout string, err error) {
	t.Helper()
	cmd := exec.Command(program, command...)
	cmd.Dir = dir
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := 3 + random.IntN(8) // of 50
	if !atLine {
		// From the start of the program to well into the training; later and later, lest it never gets there.
		alarm := time.AfterFunc(time.Duration(random.Float64()*window), func() { _ = cmd.Process.Kill() })
		defer alarm.Stop()
	}
	var text strings.Builder
	for s := bufio.NewScanner(out); s.Scan(); lines-- {
		text.WriteString(s.Text() + "\n")
		if atLine && lines == 0 {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	err = cmd.Wait()
	return text.String(), err
}

// leftOf is all that a run left, but for how long it took: checkpoint, metrics, and the samples' bytes.
func leftOf(t *testing.T, dir string) (left [][]byte) {
	t.Helper()
	root, err := pt.Load(filepath.Join(dir, "checkpoints", "latest"))
	require.NoError(t, err)
	meters, err := pt.At[*pt.Dict](root, "meters")
	require.NoError(t, err)
	meters.Set("seconds", 0.0)
	var b bytes.Buffer
	require.NoError(t, pt.Write(&b, root))
	left = append(left, b.Bytes())
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		for _, measured := range []string{"images_per_second", "data_wait", "host_mib", "device_mib", "seconds"} {
			delete(m, measured)
		}
		again, err := json.Marshal(m)
		require.NoError(t, err)
		left = append(left, again)
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "samples", "*.png"))
	require.NoError(t, err)
	for _, path := range pictures {
		picture, err := os.ReadFile(path)
		require.NoError(t, err)
		left = append(left, picture)
	}
	return left
}
