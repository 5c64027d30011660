package tcpstore_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"forger/internal/tcpstore"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// said gathers a server's lines.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// serve is a server of this machine alone, of which nothing runs after the test.
func serve(t *testing.T) *tcpstore.Server {
	t.Helper()
	var heard said
	s := host(t, 0, &heard)
	t.Cleanup(func() { assert.Empty(t, heard.all()) })
	return s
}

func host(t *testing.T, port int, heard *said) *tcpstore.Server {
	t.Helper()
	s, err := tcpstore.Listen("127.0.0.1", port, heard.say)
	require.NoError(t, err)
	var served sync.WaitGroup
	served.Go(func() { assert.NoError(t, s.Serve()) })
	t.Cleanup(func() {
		s.Close()
		served.Wait()
		assert.Empty(t, running("tcpstore.(*Server)"))
	})
	return s
}

// running lists the goroutines that are in a function, once those that are at their end have ended.
func running(function string) (all string) {
	for range 10_000 {
		var b strings.Builder
		pprof.Lookup("goroutine").WriteTo(&b, 1)
		if all = b.String(); !strings.Contains(all, function) {
			return ""
		}
		runtime.Gosched()
	}
	return all
}

// exercise calls everything that a client has, on a store that holds nothing of it.
func exercise(t *testing.T, c *tcpstore.Client) {
	ctx := t.Context()
	_, ok, err := c.TryGet(ctx, "value")
	require.NoError(t, err)
	assert.False(t, ok)
	require.NoError(t, c.Set(ctx, "value", []byte{0, 255}))
	got, err := c.Get(ctx, "value")
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 255}, got)
	got, ok, err = c.TryGet(ctx, "value")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, []byte{0, 255}, got)

	for _, step := range [][2]int64{{3, 3}, {-5, -2}} {
		sum, err := c.Add(ctx, "n", step[0])
		require.NoError(t, err)
		assert.Equal(t, step[1], sum)
	}
	all, err := c.Check(ctx, "value", "n")
	require.NoError(t, err)
	assert.True(t, all)
	all, err = c.Check(ctx, "value", "nothing")
	require.NoError(t, err)
	assert.False(t, all)

	for _, step := range [][3]string{{"", "first", "first"}, {"wrong", "second", "first"}, {"first", "second", "second"}} {
		now, err := c.CompareSet(ctx, "cas", []byte(step[0]), []byte(step[1]))
		require.NoError(t, err)
		assert.Equal(t, step[2], string(now))
	}
	require.NoError(t, c.Set(ctx, "gone", nil))
	for _, want := range []bool{true, false} {
		was, err := c.Delete(ctx, "gone")
		require.NoError(t, err)
		assert.Equal(t, want, was)
	}

	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	err = c.Wait(short, "value", "never")
	assert.ErrorIs(t, err, tcpstore.ErrTimeout)
	assert.ErrorContains(t, err, "store 127.0.0.1:")
	assert.ErrorContains(t, err, "time is up: wait of value, never took longer than ")
	assert.ErrorIs(t, c.Wait(short, "value"), tcpstore.ErrTimeout, "time that was up before")
	require.NoError(t, c.Wait(ctx, "value", "n"), "the connection is good")
	big := make([]byte, 8<<20)
	require.NoError(t, c.Set(ctx, "big", big))
	got, err = c.Get(ctx, "big")
	require.NoError(t, err)
	assert.Len(t, got, len(big))
	assert.EqualError(t, c.Set(ctx, "big", make([]byte, 8<<20+1)), "store: the value of big has 8388609 bytes: at most 8388608 are taken")
}

func TestTheClientSpeaksWithTheServer(t *testing.T) { exercise(t, dial(t, serve(t).Port())) }

// Who waits is woken by another client's set, add and compare-and-set, and not before the last key.
func TestAWaitEndsWithTheLastKey(t *testing.T) {
	s := serve(t)
	c, other := dial(t, s.Port()), dial(t, s.Port())
	woken := make(chan error, 1)
	go func() { woken <- c.Wait(t.Context(), "a", "b", "c", "a") }()
	require.NoError(t, other.Set(t.Context(), "a", nil))
	_, err := other.Add(t.Context(), "b", 1)
	require.NoError(t, err)
	select {
	case err := <-woken:
		t.Fatalf("woken too early: %v", err)
	default:
	}
	_, err = other.CompareSet(t.Context(), "c", nil, []byte("here"))
	require.NoError(t, err)
	require.NoError(t, <-woken)
	require.NoError(t, other.Set(t.Context(), "c", []byte("here")), "nobody is woken twice")
	value, err := other.Get(t.Context(), "c")
	require.NoError(t, err)
	assert.Equal(t, "here", string(value))
}

// Waits that are cancelled as their key is set leave the connection in step, whichever comes first.
func TestACancelledWaitLeavesTheConnectionInStep(t *testing.T) {
	s := serve(t)
	c, other := dial(t, s.Port()), dial(t, s.Port())
	for i := range 200 {
		key := fmt.Sprint("key", i)
		ctx, cancel := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(cancel)
		both.Go(func() { assert.NoError(t, other.Set(t.Context(), key, []byte(key))) })
		if err := c.Wait(ctx, key); err != nil {
			assert.ErrorIs(t, err, context.Canceled)
		}
		both.Wait()
		value, err := c.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, key, string(value))
	}
}

func TestABarrierHoldsUntilTheLast(t *testing.T) {
	s := serve(t)
	const size = 5
	var passed sync.WaitGroup
	var clients []*tcpstore.Client
	for range size {
		clients = append(clients, dial(t, s.Port()))
	}
	for _, name := range []string{"first", "second"} {
		for rank, c := range clients[1:] {
			passed.Go(func() { assert.NoError(t, c.Barrier(t.Context(), name, rank+1, size)) })
		}
		require.NoError(t, clients[0].Barrier(t.Context(), name, 0, size))
		passed.Wait()
		for rank := range size {
			left, err := clients[0].Check(t.Context(), fmt.Sprintf("%s/%d", name, rank))
			require.NoError(t, err)
			assert.False(t, left, "keys of a barrier that is over")
		}
	}
}

func TestABarrierNamesWhoDidNotCome(t *testing.T) {
	s := serve(t)
	c, other := dial(t, s.Port()), dial(t, s.Port())
	until, leave := context.WithCancel(t.Context())
	var here sync.WaitGroup
	here.Go(func() { assert.ErrorIs(t, other.Barrier(until, "save/7", 3, 5), context.Canceled) })
	require.NoError(t, c.Wait(t.Context(), "save/7/3"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := c.Barrier(ctx, "save/7", 1, 5)
	leave()
	here.Wait()
	assert.ErrorIs(t, err, tcpstore.ErrTimeout)
	assert.EqualError(t, err, fmt.Sprintf("store 127.0.0.1:%d: time is up: barrier save/7: of 5 ranks these did not come: 0, 2, 4", s.Port()))
	_, err = c.Add(t.Context(), "n", 1)
	assert.NoError(t, err)
}

func TestAServerDrains(t *testing.T) {
	s := serve(t)
	c, other := dial(t, s.Port()), dial(t, s.Port())
	require.NoError(t, c.Close())
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, s.Drain(short), tcpstore.ErrTimeout)
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(t.Context()) }()
	require.NoError(t, other.Set(t.Context(), "last", nil))
	require.NoError(t, other.Close())
	assert.NoError(t, <-drained)
}

// A client that is there before the server gets through once there is one.
func TestDialWaitsForAServer(t *testing.T) {
	var heard said
	first := host(t, 0, &heard)
	port := first.Port()
	require.NoError(t, first.Close())
	refused, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	require.Error(t, err, refused)
	there := make(chan error, 1)
	go func() {
		c, err := tcpstore.Dial(t.Context(), "127.0.0.1", port, time.Minute)
		if err == nil {
			err = c.Set(t.Context(), "joined", nil)
			c.Close()
		}
		there <- err
	}()
	c := dial(t, host(t, port, &heard).Port())
	require.NoError(t, <-there)
	require.NoError(t, c.Wait(t.Context(), "joined"))
}
