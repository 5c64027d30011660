package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two ranks that mpirun starts leave, to the bit, what two leave that are given torchrun's variables.
func TestRanksOfMpirun(t *testing.T) {
	if out, err := exec.Command("mpirun", "--version").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: mpirun starts no ranks here: run scripts/setup --tests, or sudo apt-get install openmpi-bin: %v: %s", err, out)
	}
	dir := t.TempDir()
	args := append(many, "--steps", "15")
	want := startRanks(t, dir, 2, append(args, "--out", "want")...)
	require.Equal(t, []int{exitDone, exitDone}, want.codes(), want.all.String())

	got := command(t, dir, nil, "mpirun", append([]string{"-np", "2", "--allow-run-as-root", "--oversubscribe", program}, append(args, "--out", "got")...)...)
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Equal(t, leftOf(t, filepath.Join(dir, "want")), leftOf(t, filepath.Join(dir, "got")))
}
