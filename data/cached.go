package data

import "sync/atomic"

// cached keeps decoded images in memory once they were read, as many as the budget allows; which those are says only
// how fast a run is. It is for sources that decode files: others are as fast as memory already.
type cached struct {
	Dataset
	blocks []atomic.Pointer[[]byte] // of cacheBlock images each, made when the first of them is read
	state  []atomic.Uint32          // by image
	size   int
}

const cacheBlock = 256

// States of an image in a cache.
const (
	cacheEmpty = iota
	cacheWriting
	cacheReady
)

// withCache keeps images of ds in at most budget bytes.
func withCache(ds Dataset, budget int64) Dataset {
	size := ds.Shape().Bytes()
	n := int(min(int64(ds.Len()), budget/int64(size)))
	if n == 0 {
		return ds
	}
	return &cached{Dataset: ds, size: size, blocks: make([]atomic.Pointer[[]byte], (n+cacheBlock-1)/cacheBlock), state: make([]atomic.Uint32, n)}
}

func (c *cached) Read(epoch, i int, dst []byte) error {
	if i >= len(c.state) {
		return c.Dataset.Read(epoch, i, dst)
	}
	state := &c.state[i]
	if state.Load() == cacheReady {
		copy(dst, c.record(i))
		return nil
	}
	if err := c.Dataset.Read(epoch, i, dst); err != nil {
		return err
	}
	if state.CompareAndSwap(cacheEmpty, cacheWriting) {
		copy(c.record(i), dst)
		state.Store(cacheReady)
	}
	return nil
}

// record is where image i is kept.
func (c *cached) record(i int) []byte {
	block := &c.blocks[i/cacheBlock]
	if block.Load() == nil {
		fresh := make([]byte, min(cacheBlock, len(c.state)-i/cacheBlock*cacheBlock)*c.size)
		block.CompareAndSwap(nil, &fresh) // another worker may have been first
	}
	return (*block.Load())[i%cacheBlock*c.size:][:c.size]
}

func (c *cached) skipped() []Skip { return Skipped(c.Dataset) }
