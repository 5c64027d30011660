package data

import (
	"archive/zip"
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What begins like no image is not loaded, however large it is: here 64 MiB of zeros, which a zip holds in 64 KiB.
func TestALargeFileThatIsNoImageIsNotLoaded(t *testing.T) {
	const size = 64 << 20
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "zeros.jpg")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.NoError(t, os.Truncate(path, size))
	zeros := make([]byte, size)
	var deflated bytes.Buffer
	w := zip.NewWriter(&deflated)
	f, err := w.Create("a/zeros.jpg")
	require.NoError(t, err)
	_, err = f.Write(zeros)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for name, spec := range map[string]string{
		"folder":   "folder:" + dir,
		"deflated": "zip:" + written(t, "x.zip", deflated.Bytes()),
		"stored":   "zip:" + written(t, "x.zip", zipOf(t, entry{"a/zeros.jpg", zeros, 0})),
		"tar":      "tar:" + written(t, "x.tar", tarOf(t, entry{"a/zeros.jpg", zeros, 0})),
	} {
		ds := opened(t, spec, Options{Size: square(4)})
		dst := make([]byte, 48)
		used := allocated(func() { err = ds.Read(0, 0, dst) })
		assert.ErrorContains(t, err, "zeros.jpg: not a JPEG", name)
		assert.NotNil(t, corrupt(err), name)
		assert.Less(t, used, uint64(1<<20), "bytes to find that out: %s", name)
	}
}

// photo is a JPEG of so many pixels a side.
func photo(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, side, side)), nil))
	return b.Bytes()
}

// withAllowances makes the allowances those.
func withAllowances(t *testing.T, files, pixels *allowance) {
	kept := allowances
	allowances = func() (a struct{ files, pixels *allowance }) {
		a.files, a.pixels = files, pixels
		return a
	}
	t.Cleanup(func() { allowances = kept })
}

// A large picture waits until the others in flight leave it room, a small one does not, and what was taken is given back
// whatever became of the file.
func TestDecodesInFlightAreBoundedByBytes(t *testing.T) {
	dir := t.TempDir()
	large := photo(t, 600) // 2.9 MB while it is decoded
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0.jpg"), large, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1.jpg"), large[:len(large)/2], 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "2.jpg"), photo(t, 60), 0o644))
	pixels := newAllowance(4 << 20)
	withAllowances(t, newAllowance(4<<20), pixels)
	ds := opened(t, "folder:"+dir, Options{Size: square(4)})
	dst := make([]byte, 48)

	others := pixels.take(2 << 20)
	require.NoError(t, ds.Read(0, 2, make([]byte, 48)), "a small one does not wait")
	read := make(chan error, 1)
	go func() { read <- ds.Read(0, 0, dst) }()
	for pixels.sem.TryAcquire(0) { // which fails while somebody waits
		require.Empty(t, read, "it did not wait")
		runtime.Gosched()
	}
	assert.Empty(t, read)
	pixels.give(others)
	require.NoError(t, <-read)
	require.Error(t, ds.Read(0, 1, dst))
	ds.(*imageFiles).store = fragile{ds.(*imageFiles).store.(*folder), 1}
	require.Error(t, ds.Read(0, 1, dst))

	// More than there is: one at a time.
	withAllowances(t, newAllowance(1<<20), newAllowance(1<<20))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { assert.NoError(t, ds.Read(0, 0, make([]byte, 48))) })
	}
	group.Wait()
	for _, a := range []*allowance{pixels, allowances().files, allowances().pixels} {
		assert.True(t, a.sem.TryAcquire(a.most), "all was given back")
	}
}

// However many workers met a large picture, the memory of one is kept.
func TestTheMemoryOfOneLargePictureIsKept(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]int{"1.png": 1})
	withAllowances(t, newAllowance(1<<20), newAllowance(1<<20))
	ds := opened(t, "folder:"+dir, Options{}).(*imageFiles)
	var all []*scratch
	for i := range 5 {
		s := ds.take()
		s.plain = make([]byte, 100_000+i)
		all = append(all, s)
	}
	for _, s := range all {
		ds.putBack(s)
	}
	large := 0
	for range 9 {
		if cap(ds.take().plain) > 0 {
			large++
		}
	}
	assert.Equal(t, 1, large)
}
