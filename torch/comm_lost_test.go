package torch_test

import (
	"io"
	"os"
	"slices"
	"syscall"
	"testing"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func untilLost(s *torch.Scope, c *torch.Comm) {
	c.Sum(s.Ones(3))
	tell("all are there")
	tell(caught(func() {
		for {
			c.Sum(s.Ones(100_000))
		}
	}))
	_, _ = io.Copy(io.Discard, os.Stdin) // its end must not be what tells the others
}

// A rank that is killed ends the others with the peer's error, at once and not by the time-out; also those which it never
// sends to.
func TestAKilledRankIsLost(t *testing.T) {
	for _, size := range []int{2, 4} {
		ranks := processes(t, "until lost", size, "TEST_TIMEOUT=1h")
		told[string](t, ranks)
		require.NoError(t, ranks[1].cmd.Process.Kill())
		assert.Error(t, ranks[1].cmd.Wait())
		left := slices.Concat(ranks[:1], ranks[2:])
		for _, f := range told[failure](t, left) {
			assert.Equal(t, torch.PeerLost, f.Code, f.Text)
		}
		ended(t, left)
	}
}

func lostInBackward(s *torch.Scope, c *torch.Comm) {
	x := s.Ones(3).RequireGrad()
	y := c.Total(x).Sum()
	tell("all are there")
	_, _ = io.Copy(io.Discard, os.Stdin)
	tell(caught(func() { y.Backward(x) }))
}

// So it is where autograd's engine makes the call.
func TestARankLostInBackwardIsLost(t *testing.T) {
	ranks := processes(t, "lost in backward", 2, "TEST_TIMEOUT=1h")
	told[string](t, ranks)
	require.NoError(t, ranks[1].cmd.Process.Kill())
	require.NoError(t, ranks[0].stays.Close())
	var f failure
	ranks[0].say(t, &f)
	assert.Equal(t, torch.PeerLost, f.Code, f.Text)
	assert.Contains(t, f.Text, "backward")
}

// A rank that stops ends the others by the time-out.
func TestAStoppedRankIsLost(t *testing.T) {
	ranks := processes(t, "until lost", 2, "TEST_TIMEOUT=1s")
	told[string](t, ranks)
	require.NoError(t, ranks[1].cmd.Process.Signal(syscall.SIGSTOP))
	var f failure
	ranks[0].say(t, &f)
	assert.Equal(t, torch.PeerLost, f.Code)
	assert.Contains(t, f.Text, "Timed out waiting 1000ms")
}

func otherSizes(s *torch.Scope, c *torch.Comm) {
	before := s.Ones(3).Sum().Item()
	t := s.Full(1, 1000+1000*c.Rank())
	tell(caught(func() { c.Sum(t) }))
	tell(caught(func() { c.Sum(s.Ones(3)) })) // nothing goes any more
	tell(s.Ones(3).Sum().Item() == before)
}

// Ranks that do not ask for the same get the time-out's error, and their memory stays whole.
func TestOtherSizesAreNotMixed(t *testing.T) {
	ranks := processes(t, "other sizes", 2, "TEST_TIMEOUT=1s")
	for range 2 {
		for _, f := range told[failure](t, ranks) {
			assert.Equal(t, torch.PeerLost, f.Code, f.Text)
		}
	}
	assert.Equal(t, []bool{true, true}, told[bool](t, ranks))
	ended(t, ranks)
}

func givenUp(s *torch.Scope, c *torch.Comm) {
	c.Sum(s.Ones(3))
	if c.Rank() == 0 {
		go c.Abort()
	}
	tell(caught(func() {
		for {
			c.Broadcast(s.Ones(3), 1-c.Rank()) // each waits for the other
		}
	}))
}

// Abort ends the waits of all ranks, whatever the time-out.
func TestAWorldIsGivenUp(t *testing.T) {
	ranks := processes(t, "given up", 2, "TEST_TIMEOUT=1h")
	for r, f := range told[failure](t, ranks) {
		assert.Equal(t, torch.PeerLost, f.Code, "rank %d: %s", r, f.Text)
	}
	ended(t, ranks)
}
