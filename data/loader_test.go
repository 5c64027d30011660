package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting is a dataset whose image i of epoch e holds e and i; reading image bad fails.
type counting struct {
	n, bad int
	reads  atomic.Int64
}

var errBad = errors.New("bad image")

func (c *counting) Spec() string        { return "counting" }
func (c *counting) Len() int            { return c.n }
func (c *counting) Shape() Shape        { return Shape{Height: 1, Width: 2, Channels: 2} }
func (c *counting) Label(i int) int     { return i % 7 }
func (c *counting) Classes() []string   { return nil }
func (c *counting) Fingerprint() string { return "" }
func (c *counting) Close() error        { return nil }
func (c *counting) Read(epoch, i int, dst []byte) error {
	c.reads.Add(1)
	if i == c.bad {
		return errBad
	}
	dst[0], dst[1], dst[2], dst[3] = byte(epoch), byte(i), byte(i>>8), 0
	return nil
}

func newCounting(n int) *counting { return &counting{n: n, bad: -1} }

func collect(t *testing.T, ds Dataset, o LoaderOptions, batches int) (sums []string, images []int) {
	t.Helper()
	l, err := NewLoader(ds, o)
	require.NoError(t, err)
	defer l.Close()
	for k := range batches {
		b, err := l.Next(context.Background())
		require.NoError(t, err)
		require.Equal(t, o.Start+int64(k), b.Index)
		require.Len(t, b.Labels, b.N)
		sum := sha256.New()
		sum.Write(b.Images)
		for i := range b.N {
			image := int(b.Images[4*i+1]) | int(b.Images[4*i+2])<<8
			require.Equal(t, int32(image%7), b.Labels[i])
			images = append(images, image)
			sum.Write([]byte{byte(b.Labels[i])})
		}
		sums = append(sums, string(sum.Sum(nil)))
		l.Recycle(b)
	}
	return sums, images
}

func TestLoaderGivesEachImageOnceAnEpoch(t *testing.T) {
	for _, batch := range []int{1, 7, 64, 100, 150} {
		perEpoch := (100 + batch - 1) / batch
		_, images := collect(t, newCounting(100), LoaderOptions{Batch: batch, Shuffle: true, Seed: 3}, 2*perEpoch)
		require.Len(t, images, 200)
		for _, epoch := range [][]int{images[:100], images[100:]} {
			seen := map[int]bool{}
			for _, i := range epoch {
				seen[i] = true
			}
			assert.Len(t, seen, 100)
		}
		assert.NotEqual(t, images[:100], images[100:], "each epoch has an order of its own")
	}
	_, images := collect(t, newCounting(5), LoaderOptions{Batch: 2}, 3)
	assert.Equal(t, []int{0, 1, 2, 3, 4}, images, "unshuffled")
}

// Batches are a function of seed and position: neither the workers nor where one starts decides.
func TestBatchesDependOnSeedAndPositionAlone(t *testing.T) {
	o := LoaderOptions{Batch: 30, Shuffle: true, Seed: 9, Workers: 1}
	want, _ := collect(t, newCounting(100), o, 12)
	for _, workers := range []int{2, 5, 16} {
		o.Workers = workers
		got, _ := collect(t, newCounting(100), o, 12)
		assert.Equal(t, want, got, "%d workers", workers)
	}
	for _, start := range []int64{1, 3, 4, 9} {
		o.Start = start
		got, _ := collect(t, newCounting(100), o, int(12-start))
		assert.Equal(t, want[start:], got, "from %d", start)
	}
	o.Start, o.Seed = 0, 10
	other, _ := collect(t, newCounting(100), o, 12)
	assert.NotEqual(t, want, other)
}

func TestAnErrorComesAtItsBatchsTurn(t *testing.T) {
	ds := newCounting(100)
	ds.bad = 45
	l, err := NewLoader(ds, LoaderOptions{Batch: 10, Workers: 3})
	require.NoError(t, err)
	defer l.Close()
	for range 4 {
		b, err := l.Next(context.Background())
		require.NoError(t, err)
		l.Recycle(b)
	}
	for range 3 {
		_, err = l.Next(context.Background())
		require.ErrorIs(t, err, errBad)
	}
}

func TestTheLoaderReadsABoundedNumberAhead(t *testing.T) {
	ds := newCounting(100000)
	l, err := NewLoader(ds, LoaderOptions{Batch: 10, Workers: 2, Ahead: 3})
	require.NoError(t, err)
	b, err := l.Next(context.Background())
	require.NoError(t, err)
	l.Recycle(b)
	for range 200 { // as far as it gets while nobody takes a batch
		runtime.Gosched()
	}
	l.Close()
	assert.LessOrEqual(t, ds.reads.Load(), int64(10*(1+3+1)))
	_, err = l.Next(context.Background())
	assert.ErrorIs(t, err, errClosed)
}

func TestAContextThatEndsLosesNoBatch(t *testing.T) {
	l, err := NewLoader(newCounting(100), LoaderOptions{Batch: 10})
	require.NoError(t, err)
	defer l.Close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for want := range int64(20) {
		_, err := l.Next(ended)
		require.ErrorIs(t, err, context.Canceled)
		b, err := l.Next(context.Background())
		require.NoError(t, err)
		require.Equal(t, want, b.Index)
		l.Recycle(b)
	}
}

// Closing at any moment, also while Next waits, leaves no goroutine behind.
func TestCloseAtRandomMoments(t *testing.T) {
	before := runtime.NumGoroutine()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		l, err := NewLoader(newCounting(1000), LoaderOptions{Batch: 1 + r.IntN(40), Shuffle: true, Workers: 1 + r.IntN(6), Ahead: 1 + r.IntN(4)})
		require.NoError(t, err)
		steps := r.IntN(10)
		done := make(chan error)
		go func() {
			for {
				b, err := l.Next(context.Background())
				if err != nil {
					done <- err
					return
				}
				l.Recycle(b)
			}
		}()
		for range steps {
			runtime.Gosched()
		}
		l.Close()
		require.ErrorIs(t, <-done, errClosed)
	}
	// A goroutine counts until the runtime has buried it, a moment after its last statement.
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestLoaderRefusesNonsense(t *testing.T) {
	_, err := NewLoader(newCounting(10), LoaderOptions{Batch: 1, Start: -1})
	assert.EqualError(t, err, "data: loader: start -1: negative: use 0 or more")
}

func BenchmarkLoader(b *testing.B) {
	l, err := NewLoader(newCounting(60000), LoaderOptions{Batch: 64, Shuffle: true})
	require.NoError(b, err)
	defer l.Close()
	b.ReportAllocs()
	for b.Loop() {
		batch, err := l.Next(context.Background())
		require.NoError(b, err)
		l.Recycle(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(64*b.N), "ns/image")
}
