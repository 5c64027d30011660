//go:build !race

// With the race detector a sync.Pool drops what it is given at random.

package data

import (
	"strings"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Once each file was met, reading allocates nothing, whatever the source. JPEGs are left out where the standard library
// decodes them, which takes new memory for each.
func TestReadingFilesAllocatesNothing(t *testing.T) {
	first := 0
	if !strings.HasPrefix(vision.Decoder, "libjpeg-turbo ") {
		first = 7 // the PNG
	}
	for kind, spec := range photographs(t) {
		for _, o := range []Options{{Size: square(64)}, {Size: square(64), Channels: 1, Flip: true, CropBefore: 108, SkipCorrupt: 1}, {Size: square(64), CacheBytes: 1 << 15}} {
			ds := opened(t, spec, o)
			dst := make([]byte, ds.Shape().Bytes())
			epoch := func() {
				for i := first; i < 8; i++ {
					if err := ds.Read(0, i, dst); err != nil {
						panic(err)
					}
				}
			}
			epoch()
			assert.Zero(t, testing.AllocsPerRun(20, epoch), "%s, %+v", kind, o)
		}
	}
}

// Reading an array allocates nothing, whatever it takes to make an element of it.
func TestReadingArraysAllocatesNothing(t *testing.T) {
	for name, o := range map[string]Options{"points": {}, "points64": {}, "gray": {Size: square(4), Channels: 3}, "rgb": {Channels: 1}, "planes": {Size: square(8)}} {
		ds := opened(t, "npy:"+golden(name), o)
		dst := make([]byte, ds.Shape().Bytes())
		one := func() {
			if err := ds.Read(0, 1, dst); err != nil {
				panic(err)
			}
		}
		one()
		assert.Zero(t, testing.AllocsPerRun(50, one), name)
	}
}

// Batches come out of memory that was used before.
func TestTheLoaderAllocatesNothing(t *testing.T) {
	l, err := NewLoader(newCounting(6000), LoaderOptions{Batch: 64, Shuffle: true, Workers: 3})
	require.NoError(t, err)
	defer l.Close()
	next := func() {
		b, err := l.Next(t.Context())
		if err != nil {
			panic(err)
		}
		l.Recycle(b)
	}
	for range 20 { // every buffer was used
		next()
	}
	assert.Zero(t, testing.AllocsPerRun(300, next))
}
