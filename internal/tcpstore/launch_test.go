package tcpstore_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"forger/internal/rank"
	"forger/internal/tcpstore"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Processes that torchrun starts find each other, at the store of its agent and at one that rank 0 hosts.
func TestTorchrunsRanksMeet(t *testing.T) {
	path := python(t)
	for hosted, share := range map[string]string{"by the agent": "0", "by rank 0": "1"} {
		cmd := exec.Command(path, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3", "--no-python", os.Args[0], "-test.run=^TestAsARank$", "-test.v")
		cmd.Env = append(os.Environ(), "FORGER_TEST_HOSTED="+hosted, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE="+share)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		for i := range 3 {
			assert.Contains(t, string(out), fmt.Sprintf("rank %d of 3 has 0, 1, 4", i), "%s", out)
		}
	}
}

// TestAsARank is what each process of TestTorchrunsRanksMeet does.
func TestAsARank(t *testing.T) {
	hosted := os.Getenv("FORGER_TEST_HOSTED")
	if hosted == "" {
		return // not started by torchrun
	}
	w, err := rank.FromEnv(os.LookupEnv)
	require.NoError(t, err)
	require.Contains(t, w.String(), "hosted "+hosted)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var s *tcpstore.Server
	if w.Rank == 0 && !w.AgentStore {
		var heard said
		s = host(t, w.Port, &heard)
	}
	c, err := tcpstore.Dial(ctx, w.Host, w.Port, time.Minute)
	require.NoError(t, err)
	require.NoError(t, c.Set(ctx, fmt.Sprint("square/", w.Rank), fmt.Append(nil, w.Rank*w.Rank)))
	var squares [3]string
	for i := range squares {
		value, err := c.Get(ctx, fmt.Sprint("square/", i))
		require.NoError(t, err)
		squares[i] = string(value)
	}
	require.NoError(t, c.Barrier(ctx, "end", w.Rank, w.Size))
	require.NoError(t, c.Close())
	if s != nil {
		require.NoError(t, s.Drain(ctx))
	}
	fmt.Printf("rank %d of %d has %s, %s, %s\n", w.Rank, w.Size, squares[0], squares[1], squares[2])
}
