package trainer

import (
	"context"
	"sync/atomic"
	"testing"

	"forger/gan/checkpoint"
	"forger/gan/gantest"
	"forger/gan/method"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheFirstBadStepIsNamed(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		d, g := s.FullOf(torch.Float64, 0, 5), s.FullOf(torch.Float64, 0, 3)
		tr := &Trainer{parts: &method.Parts{Meters: []method.Meter{
			{Key: "discriminator", Every: 2, Names: []string{"loss_d", "d_real", "d_fake"}, Labels: make([]string, 3), Sums: d},
			{Key: "generator", Every: 1, Names: []string{"loss_g"}, Labels: make([]string, 1), Sums: g},
		}}}
		tr.clock.step = 100
		one, nan := s.Ones(), s.Zeros().Log()
		for range 5 {
			s.MeterAdd(d, one, one, one)
		}
		_, err := tr.readMeters()
		require.NoError(t, err)
		s.MeterAdd(d, nan, one, one) // update 6 of 2 a step: step 3
		_, err = tr.readMeters()
		assert.EqualError(t, err, "loss_d is not finite at step 103")
		s.MeterAdd(g, nan)
		_, err = tr.readMeters()
		assert.EqualError(t, err, "loss_g is not finite at step 101")
	})
}

// What was trained before an image could not be read is kept, also where reading it panics.
func TestABrokenImageSavesWhatWasTrained(t *testing.T) {
	t.Run("error", func(t *testing.T) { brokenImage(t, false) })
	t.Run("panic", func(t *testing.T) { brokenImage(t, true) })
}

func brokenImage(t *testing.T, panics bool) {
	c := tinyConfig(t)
	c.Run.Epochs, c.Run.Steps = 1, 0
	bad := new(atomic.Int64)
	p := &setup{job: c.job(), from: &Origin{}, ds: fakeData{n: 1000, bad: bad, shape: shape16, panic: panics}, dev: torch.CPU}
	require.NoError(t, torch.Load())
	require.NoError(t, p.resolve())
	tr, err := p.trainer(t.Context())
	require.NoError(t, err)
	defer tr.Close()
	r := run{Trainer: tr, ob: &gantest.Recorder{}}
	require.NoError(t, r.open(t.Context(), p))
	_, last := planOf(p.job, p.ds).Images(120) // not decoded yet
	bad.Store(int64(last[0]))
	defer r.close(&err)
	_, err = r.train(context.Background())
	require.ErrorContains(t, err, "image 13 is broken")
	assert.ErrorContains(t, err, "is saved in "+r.saver.last.path)
	assert.FileExists(t, r.saver.last.path)
}

// fixedMethod takes so many batches a step and does nothing.
type fixedMethod struct {
	method.Method
	batches int
}

func (m fixedMethod) Batches() int { return m.batches }

func TestTheFirstBoundReachedEndsTheRun(t *testing.T) {
	ds := fakeData{n: 100, shape: shape16}
	for _, c := range []struct {
		steps, epochs, k int
		images           int64
		want             int64
	}{
		{steps: 7, epochs: 100, images: 1 << 40, k: 1, want: 7},
		{epochs: 2, k: 1, want: 8}, // 32, 32, 32, 4 images an epoch
		{epochs: 2, k: 3, want: 3},
		{images: 1, k: 1, want: 1},
		{images: 32, k: 1, want: 1},
		{images: 33, k: 1, want: 2},
		{images: 100, k: 1, want: 4},
		{images: 101, k: 1, want: 5},
		{images: 101, k: 2, want: 3},
	} {
		cfg := defaults()
		cfg.Run.Batch, cfg.Run.Steps, cfg.Run.Epochs, cfg.Run.Images = 32, c.steps, c.epochs, c.images
		tr := &Trainer{job: cfg.job(), ds: ds, m: fixedMethod{batches: c.k}}
		assert.Equal(t, c.want, tr.totalSteps(), "%+v", c)
	}
}

// The bound in images counts what was shown, also where last batches are left out.
func TestBoundsWithoutLastBatches(t *testing.T) {
	c := defaults()
	c.Run.Batch, c.Data.DropLast = 8, true
	tr := Trainer{job: c.job(), ds: fakeData{n: 21, shape: shape16}, m: fixedMethod{batches: 1}}
	for images, want := range map[int64]int64{8: 1, 9: 2, 16: 2, 17: 3, 32: 4} {
		tr.job.Images = images
		assert.Equal(t, want, tr.totalSteps(), "%d images", images)
	}
	tr.job.Images, tr.job.Epochs = 0, 3
	assert.EqualValues(t, 6, tr.totalSteps())
	tr.job.Epochs = 0
	assert.EqualValues(t, 50, tr.totalSteps(), "25 epochs where nothing is asked")
}

// A checkpoint that is being written when a run ends with an error is waited for, and named: it may be the last good one.
func TestACheckpointInFlightIsTheLastGoodOne(t *testing.T) {
	inFlight := func() *run {
		r := &run{Trainer: &Trainer{}, ob: &gantest.Recorder{}}
		r.saver.writing, r.saver.pending = saved{"step-00001000.pt", 1000}, make(chan error, 1)
		go func() { r.saver.pending <- nil }()
		return r
	}
	r := inFlight()
	err := r.explain(&checkpoint.NotFiniteError{What: "loss_d", Step: 1050})
	assert.EqualError(t, err, "loss_d is not finite at step 1050: the last good checkpoint is step-00001000.pt: lower --lr, or try another --loss, "+
		"--precision fp32 or --conv stock")

	r = inFlight()
	func() {
		var err error
		defer func() { assert.Equal(t, "shapes", recover()) }()
		defer r.close(&err)
		panic("shapes")
	}()
	assert.Equal(t, int64(1000), r.saver.last.step, "a panic waits too")
}
