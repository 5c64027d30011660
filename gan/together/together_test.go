package together

import (
	"errors"
	"net"
	"sync"
	"testing"

	"forger/internal/rank"
	"forger/internal/setting"
	"forger/internal/tcpstore"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { torchtest.Main(m) }

// meet calls body for each of so many ranks, goroutines that stand for processes, and closes their meetings with what it returns.
func meet(t *testing.T, size int, body func(m *Meeting) error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	var o Options
	o.Settings().Reset()
	o.Timeout = "20s"
	var all sync.WaitGroup
	for r := range size {
		all.Go(func() {
			m, err := Meet(t.Context(), rank.World{Rank: r, Size: size, LocalSize: size, Host: "127.0.0.1", Port: port, Job: "x"}, o)
			if assert.NoError(t, err) {
				m.Close(body(m))
			}
		})
	}
	all.Wait()
}

func TestOneAloneMeetsNobody(t *testing.T) {
	m, err := Meet(t.Context(), rank.World{Size: 1}, Options{Timeout: "1s"})
	require.NoError(t, err)
	assert.Nil(t, m)
	assert.True(t, m.Leads())
	assert.Equal(t, []int{1, 1}, []int{m.Local(), m.Ranks()})
	assert.Nil(t, m.Comm())
	failure := errors.New("x")
	assert.Equal(t, failure, m.Blame(failure))
	m.Close(nil)
}

func TestRanksTellAndGather(t *testing.T) {
	meet(t, 3, func(m *Meeting) error {
		if m.Leads() {
			assert.NoError(t, m.Tell("a word", []byte("hello")))
		} else {
			word, err := m.Hear(t.Context(), "a word")
			assert.NoError(t, err)
			assert.Equal(t, "hello", string(word))
		}
		assert.NoError(t, m.Connect(torch.CPU))
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			all := m.Gather(s, []float64{float64(m.World.Rank), 7})
			assert.Equal(t, [][]float64{{0, 7}, {1, 7}, {2, 7}}, all)
		})
		return nil
	})
}

// Who waits for a rank that failed is told why it did; what is no loss stays as it is.
func TestARankThatFailedIsNotWaitedFor(t *testing.T) {
	meet(t, 3, func(m *Meeting) error {
		plain := errors.New("plain")
		assert.Equal(t, plain, m.Blame(plain))
		if m.World.Rank == 1 {
			return errors.New("no\n disk")
		}
		_, err := m.Hear(t.Context(), "what nobody says")
		assert.EqualError(t, err, "rank 1 failed: no disk")
		return err
	})
}

// A rank whose sign of life stands still is the lost one, and not the one that ended because of it.
func TestWhoIsLostIsSeenByTheirSigns(t *testing.T) {
	broken := &torch.Error{Op: "all_reduce", Code: torch.PeerLost, Msg: "closed"}
	var gone sync.WaitGroup
	gone.Add(1)
	meet(t, 3, func(m *Meeting) error {
		if m.World.Rank == 1 { // as if it were killed: it leaves no word
			m.pulse.stop()
			gone.Done()
			m.store.Close()
			m.comm = nil
			return nil
		}
		gone.Wait()
		err := m.Blame(broken)
		var lost *LostError
		if assert.ErrorAs(t, err, &lost) {
			assert.Equal(t, []int{1}, lost.Ranks)
			assert.EqualError(t, err, "lost rank 1: torch: all_reduce: closed: start the ranks again, with --resume where a checkpoint was written")
		}
		assert.Equal(t, err, m.Blame(err), "blamed once")
		return err
	})
}

func TestWithoutAStoreItsHostIsLost(t *testing.T) {
	m := &Meeting{World: rank.World{Rank: 2}}
	var lost *LostError
	require.ErrorAs(t, m.withoutStore(tcpstore.ErrLost), &lost)
	assert.Equal(t, []int{0}, lost.Ranks)
	m.World.AgentStore = true
	require.ErrorAs(t, m.withoutStore(tcpstore.ErrLost), &lost)
	assert.Empty(t, lost.Ranks)
}

func TestSettings(t *testing.T) {
	var o Options
	all := o.Settings()
	all.Reset()
	require.NoError(t, all.Check())
	for name, value := range map[string]string{"backend": "mpi", "rank-timeout": "soon"} {
		all.Reset()
		row, ok := all.Find(name)
		require.True(t, ok)
		var usage *setting.UsageError
		err := row.Parse(value)
		if err == nil {
			err = all.Check()
		}
		assert.ErrorAs(t, err, &usage, name)
		assert.ErrorContains(t, err, value)
	}
}
