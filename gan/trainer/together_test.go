package trainer

import (
	"net"
	"runtime"
	"sync"
	"testing"

	"forger/gan/together"
	"forger/internal/rank"
	"forger/torch"
	"forger/torch/nn"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asRanks has a trainer at its origin for each of so many ranks, goroutines that stand for processes.
func asRanks(t *testing.T, c config, size int, body func(tr *Trainer)) {
	t.Helper()
	require.NoError(t, torch.Load())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	var all sync.WaitGroup
	for r := range size {
		all.Go(func() {
			runtime.LockOSThread()
			m, err := together.Meet(t.Context(), rank.World{Rank: r, Size: size, LocalSize: size, Host: "127.0.0.1", Port: port}, c.Run.Together)
			if !assert.NoError(t, err) {
				return
			}
			defer func() { m.Close(nil) }()
			job := c.job()
			job.Meeting = m
			p := &setup{job: job, from: &Origin{}, ds: fakeData{n: 100, shape: shape16}, dev: torch.CPU}
			if !assert.NoError(t, p.resolve()) {
				return
			}
			tr, err := p.trainer(t.Context())
			if !assert.NoError(t, err) {
				return
			}
			defer tr.Close()
			body(tr)
		})
	}
	all.Wait()
}

// A rank whose weights are not rank 0's is named by all, before anything is saved.
func TestARankThatDriftsIsNamed(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Threads = 1
	asRanks(t, c, 2, func(tr *Trainer) {
		assert.NoError(t, tr.TrainStep(t.Context()))
		assert.NoError(t, tr.settled())
		if !tr.job.Meeting.Leads() {
			s := tr.root.Child(torch.NoGrad)
			w := s.Use(nn.Parameters(tr.parts.Nets[0].Module)[0])
			w.CopyFrom(w.MulScalar(1 + 1e-6))
			s.Close()
		}
		assert.ErrorContains(t, tr.settled(), "rank 1: at step 1 its weights or its random numbers are not rank 0's")
	})
}

// What the meters hold is rank 0's once it was brought together, however often that is done.
func TestMetersComeTogether(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Threads = 1
	var mu sync.Mutex
	sums := map[bool][]float64{}
	asRanks(t, c, 2, func(tr *Trainer) {
		for range 3 {
			assert.NoError(t, tr.TrainStep(t.Context()))
		}
		before := tr.parts.Meters[0].Sums.Doubles()
		s := tr.root.Child()
		defer s.Close()
		want := make([]float64, len(before))
		for _, of := range tr.job.Meeting.Gather(s, before) {
			for i, v := range of {
				want[i] += v
			}
		}
		want[len(want)-2] = before[len(want)-2] // how many there are is no sum
		tr.fold(s)
		tr.fold(s)
		got := tr.parts.Meters[0].Sums.Doubles()
		if tr.job.Meeting.Leads() {
			assert.InDeltaSlice(t, want, got, 1e-12)
		}
		mu.Lock()
		sums[tr.job.Meeting.Leads()] = got
		mu.Unlock()
	})
	assert.Positive(t, sums[true][0])
	assert.Equal(t, []float64{0, 0, 0, 3, 0}, sums[false])
}
