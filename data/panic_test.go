package data

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fragile is a folder of which one file makes whoever loads it panic.
type fragile struct {
	*folder
	at int
}

func (f fragile) load(i int, s *scratch) ([]byte, error) {
	if i == f.at {
		var none []byte
		return none[:i][i:], nil
	}
	return f.folder.load(i, s)
}

func fragileSet(t *testing.T, at int) *imageFiles {
	t.Helper()
	ds := opened(t, spoiled(t)["folder"], Options{Size: square(4)}).(*imageFiles)
	ds.store = fragile{ds.store.(*folder), at}
	return ds
}

// A panic while a file is read is an error with its name at its batch's turn, as of a file that is damaged, and the others
// are read on.
func TestAPanicNamesItsFile(t *testing.T) {
	const want = "class1/17.png: panic: runtime error: slice bounds out of range [:17] with capacity 0 (panic_test.go:24): this is a fault of the program"
	for range 5 {
		images, err := seen(t, fragileSet(t, 17), LoaderOptions{Batch: 4, Workers: 3})
		require.ErrorContains(t, err, want)
		assert.Len(t, images, 16)
		assert.NotContains(t, err.Error(), "\n")
		assert.NotNil(t, corrupt(err))
	}
	r, err := Check(context.Background(), fragileSet(t, 17), CheckOptions{})
	require.NoError(t, err)
	require.Len(t, r.Broken, 1)
	assert.Contains(t, r.Broken[0].Error, "panic: ")

	skipping := newSkipping(fragileSet(t, 17), Options{SkipCorrupt: 1})
	images, err := seen(t, skipping, LoaderOptions{Batch: 4})
	require.NoError(t, err)
	assert.Len(t, images, 80)
}

// panicking is a source that knows no files.
type panicking struct{ *counting }

func (p panicking) Read(epoch, i int, dst []byte) error {
	if i == 9 {
		panic(fmt.Sprintf("no element %d\nat all", i))
	}
	return p.counting.Read(epoch, i, dst)
}

// Whatever reads elements in goroutines of its own survives a panic.
func TestAPanicOfASourceIsAnError(t *testing.T) {
	ds := panicking{newCounting(100)}
	l, err := NewLoader(ds, LoaderOptions{Batch: 5, Workers: 2})
	require.NoError(t, err)
	defer l.Close()
	b, err := l.Next(t.Context())
	require.NoError(t, err)
	l.Recycle(b)
	_, err = l.Next(t.Context())
	assert.ErrorContains(t, err, "element 9: panic: no element 9 (panic_test.go:")
	_, again := l.Next(t.Context())
	assert.Equal(t, err, again)

	r, err := Check(t.Context(), ds, CheckOptions{})
	require.NoError(t, err)
	require.Len(t, r.Broken, 1)
	assert.Equal(t, 9, r.Broken[0].Image)
	_, err = Pack(t.Context(), fragileSet(t, 3), filepath.Join(t.TempDir(), "x.pack"), PackOptions{})
	assert.ErrorContains(t, err, "03.png: panic: ")
}

// The scratch of a read that panicked is not used again.
func TestAPanicTakesItsScratchAlong(t *testing.T) {
	ds := fragileSet(t, -1)
	var of *vision.Reader
	err := ds.open(0, func(r *vision.Reader, _ []byte) error {
		of = r
		panic("half-way")
	})
	require.ErrorContains(t, err, "00.png: panic: half-way")
	for range 9 {
		require.NoError(t, ds.open(0, func(r *vision.Reader, _ []byte) error {
			assert.NotSame(t, of, r)
			return nil
		}))
	}
}
