package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Under torchrun a run whose ranks are killed at random moments, while they start and while they save too, is started again each
// time, and ends as one that nobody disturbed. FORGER_TEST_KILLS says how often one is killed.
func TestTorchrunStartsAKilledRunAgain(t *testing.T) {
	torchrun := filepath.Join(filepath.Dir(torchtest.Python(t)), "torchrun")
	kills := 1
	if text := os.Getenv("FORGER_TEST_KILLS"); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	args := append(many, "--log-every", "1", "--checkpoint-every", "3", "--sample-every", "5", "--gen-width", "16", "--disc-width", "16",
		"--steps", fmt.Sprint(80+20*kills))
	whole := startRanks(t, dir, 2, append(args, "--out", "whole")...)
	require.Equal(t, []int{exitDone, exitDone}, whole.codes(), whole.all.String())

	script := filepath.Join(dir, "rank") // says which process it becomes
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho rank $RANK is $$ of start $TORCHELASTIC_RESTART_COUNT >&2\nexec \"$@\"\n"), 0o755))
	cmd := exec.Command(torchrun, append([]string{"--standalone", "--nproc-per-node", "2", "--max-restarts", fmt.Sprint(kills), "--no-python", script, program},
		append(args, "--out", "killed")...)...)
	cmd.Dir = dir
	begin := time.Now()
	restarts, said := killing(t, cmd, kills)
	require.NoError(t, cmd.Wait(), said)
	t.Logf("%d kills, %d restarts, %.0f s", kills, restarts, time.Since(begin).Seconds())
	assert.Equal(t, kills, restarts, said)
	assert.Contains(t, said, "lost rank")
	assert.Contains(t, said, "goes on from step")
	assert.Equal(t, leftOf(t, filepath.Join(dir, "whole")), leftOf(t, filepath.Join(dir, "killed")))
}

// killing starts ranks, and kills one of the two that are there so many times: after some lines of what they say, so that the
// moment does not depend on how busy the machine is. It returns how often the ranks were started again, and all that was said.
func killing(t *testing.T, cmd *exec.Cmd, kills int) (restarts int, said string) {
	t.Helper()
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM) }) // torchrun ends its ranks
	random := rand.New(rand.NewPCG(uint64(kills), 7))
	var all strings.Builder
	// Of the ranks that were started last, and what is to become of them; the first is killed after a checkpoint.
	var ids [2]int
	killed, victim, lines := 0, random.IntN(2), 14+random.IntN(6)
	for s := bufio.NewScanner(out); s.Scan(); {
		fmt.Fprintln(&all, s.Text())
		var r, id, start int
		if n, _ := fmt.Sscanf(s.Text(), "rank %d is %d of start %d", &r, &id, &start); n == 3 {
			ids[r], restarts = id, start
		}
		if ids == [2]int{} {
			continue
		}
		if lines--; lines < 0 && ids[victim] > 0 && killed < kills {
			require.NoError(t, syscall.Kill(ids[victim], syscall.SIGKILL), all.String())
			killed++
			t.Logf("kill %d: rank %d, at: %s", killed, victim, s.Text())
			ids, victim, lines = [2]int{}, random.IntN(2), random.IntN(14)
		}
	}
	assert.Equal(t, kills, killed, all.String())
	return restarts, all.String()
}
