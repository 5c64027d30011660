package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheDoctorKnowsTheRanks(t *testing.T) {
	agent := []string{"RANK=3", "WORLD_SIZE=8", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=4", "MASTER_ADDR=10.0.0.1", "MASTER_PORT=29500",
		"TORCHELASTIC_RUN_ID=night", "TORCHELASTIC_RESTART_COUNT=0", "TORCHELASTIC_USE_AGENT_STORE=True"}
	for _, c := range []struct {
		env  []string
		line string
	}{
		{nil, "ranks     1 (no launcher)\n"},
		{agent, "ranks     3 of 8, local 1 of 4, torchrun, store 10.0.0.1:29500 hosted by the agent\n"},
	} {
		got := forger(t, t.TempDir(), c.env, "doctor")
		assert.Equal(t, exitDone, got.code, got.errout)
		assert.Contains(t, got.out, c.line)
	}
	got := forger(t, t.TempDir(), []string{"RANK=3"}, "doctor")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.out, "ranks     wrong: RANK=3 without WORLD_SIZE: set both, or unset it\n")
	assert.Contains(t, got.out, "libtorch  2.", "the rest is said too")
	assert.Equal(t, "forger: doctor: ranks: RANK=3 without WORLD_SIZE: set both, or unset it\n", got.errout)
	got = forger(t, t.TempDir(), []string{"RANK=3", "FORGER_LIB=/nowhere"}, "doctor")
	assert.Equal(t, 1, strings.Count(got.out, "ranks     wrong: "))
}
