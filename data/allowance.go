package data

import (
	"context"
	"sync"

	"forger/internal/machine"

	"golang.org/x/sync/semaphore"
)

// allowance is how many bytes workers may hold at once for one purpose. Who wants more waits; who wants more than all of
// it gets it alone.
type allowance struct {
	most int64
	sem  *semaphore.Weighted
}

func newAllowance(most int64) *allowance { return &allowance{most, semaphore.NewWeighted(most)} }

const (
	leastAllowance = 256 << 20
	freely         = 1 << 20 // what is smaller is not counted: workers do not wait for each other over thumbnails
	bytesOfPixel   = 8       // while it is decoded: the decoder's, ours, and a turned copy
)

// Two purposes, taken in this order: whoever waits for the second holds nothing that another waits for to give it back.
var allowances = sync.OnceValue(func() (a struct{ files, pixels *allowance }) {
	most := int64(leastAllowance)
	if free, err := machine.FreeMemory(); err == nil { // a machine that does not tell has the least
		most = max(most, free/4)
	}
	a.files, a.pixels = newAllowance(most), newAllowance(most)
	return a
})

// take waits for n bytes and says how many to give back.
func (a *allowance) take(n int64) int64 {
	if n < freely {
		return 0
	}
	n = min(n, a.most)
	// Only its context could end the waiting, and this one does not.
	_ = a.sem.Acquire(context.Background(), n)
	return n
}

func (a *allowance) give(n int64) {
	if n > 0 {
		a.sem.Release(n)
	}
}

// loading waits until so many bytes of a file may be loaded.
func (s *scratch) loading(bytes int64) { s.files += allowances().files.take(bytes) }

// decoding waits until so many pixels may be decoded.
func (s *scratch) decoding(pixels int64) { s.pixels += allowances().pixels.take(bytesOfPixel * pixels) }

// done gives back what s took.
func (s *scratch) done() {
	if s.files == 0 && s.pixels == 0 {
		return
	}
	a := allowances()
	a.files.give(s.files)
	a.pixels.give(s.pixels)
	s.files, s.pixels = 0, 0
}

// bytes is what s keeps from image to image.
func (s *scratch) bytes() int64 { return int64(cap(s.packed)+cap(s.plain)) + s.reader.Bytes() }

// take is a scratch for one image.
func (d *imageFiles) take() *scratch {
	if s := d.large.Load(); s != nil && d.large.CompareAndSwap(s, nil) {
		return s
	}
	return d.scratches.Get().(*scratch)
}

// putBack keeps a scratch for the next image. Of those that have grown large one is kept, not one a worker.
func (d *imageFiles) putBack(s *scratch) {
	if s.bytes() > allowances().files.most/16 {
		d.large.CompareAndSwap(nil, s)
		return
	}
	d.scratches.Put(s)
}
