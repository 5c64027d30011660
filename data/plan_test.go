package data

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jpegs is a folder of n JPEGs, each of its own gray.
func jpegs(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		for k := range m.Pix {
			m.Pix[k] = byte(10*i + k)
		}
		var b bytes.Buffer
		require.NoError(t, jpeg.Encode(&b, m, nil))
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)), b.Bytes(), 0o644))
	}
	return dir
}

// The plan is what the loader yields, batch by batch.
func TestThePlanIsWhatTheLoaderYields(t *testing.T) {
	dir := jpegs(t, 23)
	ds, err := Open("folder:"+dir, Options{Size: square(8)})
	require.NoError(t, err)
	defer ds.Close()
	for _, p := range []Plan{
		{Len: 23, Batch: 5, Seed: 3, Shuffle: true}, {Len: 23, Batch: 5, Seed: 3, Shuffle: true, DropLast: true},
		{Len: 23, Batch: 4}, {Len: 23, Batch: 23, Shuffle: true, DropLast: true},
	} {
		l, err := NewLoader(ds, LoaderOptions{Batch: p.Batch, Seed: p.Seed, Shuffle: p.Shuffle, DropLast: p.DropLast, Workers: 2})
		require.NoError(t, err)
		for k := range 3 * p.PerEpoch() {
			b, err := l.Next(t.Context())
			require.NoError(t, err)
			epoch, images := p.Images(k)
			assert.Equal(t, []int{epoch, len(images)}, []int{b.Epoch, b.N}, "batch %d of %+v", k, p)
			if p.DropLast {
				assert.Equal(t, p.Batch, b.N)
			}
			one := make([]byte, ds.Shape().Bytes())
			for i, image := range images {
				require.NoError(t, ds.Read(epoch, image, one))
				assert.Equal(t, one, b.Images[i*len(one):(i+1)*len(one)], "image %d of batch %d of %+v", i, k, p)
			}
			l.Recycle(b)
		}
		l.Close()
	}
}

// A plan without batches is refused, by the loader too; it would divide by none.
func TestAPlanWithoutBatchesIsRefused(t *testing.T) {
	for want, p := range map[string]Plan{
		"--drop-last: 10 images make no batch of 64: lower --batch or leave --drop-last away": {Len: 10, Batch: 64, DropLast: true},
		"--batch 0: too small: use 1 or more":                                                 {Len: 10},
		"it has no images":                                                                    {Batch: 64},
	} {
		assert.EqualError(t, p.Check(), want)
		_, err := NewLoader(newCounting(p.Len), LoaderOptions{Batch: p.Batch, DropLast: p.DropLast})
		assert.EqualError(t, err, "data: loader: counting: "+want)
	}
	for _, p := range []Plan{{Len: 10, Batch: 64}, {Len: 64, Batch: 64, DropLast: true}, {Len: 1, Batch: 1}} {
		assert.NoError(t, p.Check())
		assert.Positive(t, p.PerEpoch())
	}
}

// readCounter counts the reads of each image.
type readCounter struct {
	Dataset
	mu    sync.Mutex
	reads map[int]int
}

func (c *readCounter) Read(epoch, i int, dst []byte) error {
	c.mu.Lock()
	c.reads[i]++
	c.mu.Unlock()
	return c.Dataset.Read(epoch, i, dst)
}

// A cache yields what the source yields, reads what it holds once, and holds no more than its budget.
func TestACacheYieldsWhatTheSourceDoes(t *testing.T) {
	ds, err := Open("folder:"+jpegs(t, 20), Options{Size: square(8)})
	require.NoError(t, err)
	defer ds.Close()
	size := ds.Shape().Bytes()
	counted := &readCounter{Dataset: ds, reads: map[int]int{}}
	c := withCache(counted, int64(12*size+5))
	var group sync.WaitGroup
	for range 3 {
		for i := range 20 {
			group.Go(func() {
				got, want := make([]byte, size), make([]byte, size)
				assert.NoError(t, c.Read(0, i, got))
				assert.NoError(t, ds.Read(0, i, want))
				assert.True(t, bytes.Equal(want, got), "image %d", i)
			})
		}
		group.Wait()
	}
	for i := range 20 {
		if i < 12 {
			assert.LessOrEqual(t, counted.reads[i], 1, "image %d", i)
		} else {
			assert.Equal(t, 3, counted.reads[i], "image %d is beyond the budget", i)
		}
	}
	assert.Same(t, counted, withCache(counted, int64(size-1)), "too little for one")
	glyphs, err := Open("glyphs", Options{Size: square(16), CacheBytes: 1 << 20})
	require.NoError(t, err)
	assert.False(t, SameEachEpoch(glyphs))
	assert.True(t, SameEachEpoch(ds))
	_, isCached := glyphs.(*cached)
	assert.False(t, isCached, "its images are drawn anew each epoch")
}

// The parts of a batch are its images, in their order, and none is read twice; the loader reads those of its part.
func TestThePartsOfABatchAreTheBatch(t *testing.T) {
	ds, err := Open("folder:"+jpegs(t, 23), Options{Size: square(8)})
	require.NoError(t, err)
	defer ds.Close()
	for _, part := range []Part{{Ranks: 1}, {Ranks: 2}, {Ranks: 3}, {Ranks: 3, Unit: 2}, {Ranks: 6}} {
		whole := Plan{Len: 23, Batch: 6, Seed: 3, Shuffle: true, DropLast: part.Ranks == 6 || part.Unit > 1}
		got := make([][]int, 2*whole.PerEpoch())
		for part.Rank = range part.Ranks {
			p := whole
			p.Part = part
			require.NoError(t, p.Check())
			l, err := NewLoader(ds, LoaderOptions{Batch: p.Batch, Seed: p.Seed, Shuffle: true, DropLast: p.DropLast, Part: part, Workers: 2})
			require.NoError(t, err)
			for k := range got {
				_, images := p.Images(int64(k))
				rows := p.Rows(int64(k))
				assert.Equal(t, Rows{len(got[k]), len(images), whole.Rows(int64(k)).Of}, rows)
				assert.Zero(t, len(images)%max(1, part.Unit))
				got[k] = append(got[k], images...)
				b, err := l.Next(t.Context())
				require.NoError(t, err)
				assert.Equal(t, rows, b.Rows)
				one := make([]byte, ds.Shape().Bytes())
				for i, image := range images {
					require.NoError(t, ds.Read(b.Epoch, image, one))
					assert.Equal(t, one, b.Images[i*len(one):(i+1)*len(one)])
				}
				l.Recycle(b)
			}
			l.Close()
		}
		for k := range got {
			_, want := whole.Images(int64(k))
			assert.Equal(t, want, got[k], "batch %d in %d parts", k, part.Ranks)
		}
	}
}

func TestABatchThatCannotBeDividedIsRefused(t *testing.T) {
	for want, p := range map[string]Plan{
		"--batch 64: 6 ranks do not divide it: use 66":                                 {Len: 640, Batch: 64, Part: Part{Ranks: 6}},
		"--batch 64: 4 ranks with --pack 3 do not divide it: use 72":                   {Len: 640, Batch: 64, Part: Part{Ranks: 4, Unit: 3}},
		"the last batch of an epoch has 3 images, and 4 ranks need 4: add --drop-last": {Len: 67, Batch: 64, Part: Part{Ranks: 4}},
	} {
		assert.EqualError(t, p.Check(), want)
		p.DropLast, p.Batch = true, p.Part.least()
		assert.NoError(t, p.Check())
	}
}

// Processes of one host divide what decoded images may take of its memory.
func TestSharersOfAHostDivideItsMemory(t *testing.T) {
	s := Settings{Spec: "glyphs", Cache: "host"}
	alone, err := s.Options(1)
	require.NoError(t, err)
	s.Sharers = func() int { return 64 }
	shared, err := s.Options(1)
	require.NoError(t, err)
	assert.Less(t, shared.CacheBytes, alone.CacheBytes/16) // and not /64: what is free changes meanwhile
}
