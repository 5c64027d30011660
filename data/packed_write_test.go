package data

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestPackingTwiceGivesTheSameBytes(t *testing.T) {
	want := contents(t, pack(t, newMade()))
	for _, workers := range []int{1, 2, 7, 64} {
		path := filepath.Join(t.TempDir(), "y.pack")
		last := 0
		res, err := Pack(t.Context(), newMade(), path, PackOptions{Workers: workers, Progress: func(done, total int) {
			assert.Greater(t, done, last)
			assert.Equal(t, 100, total)
			last = done
		}})
		require.NoError(t, err)
		assert.Equal(t, 100, last)
		assert.Equal(t, want, contents(t, path), "%d workers", workers)
		assert.Equal(t, PackResult{100, 0, Shape{Height: 64, Width: 64, Channels: 3}, int64(len(want)), vision.Decoder, openPack(t, path).Fingerprint()}, res)
		assert.Equal(t, []string{"y.pack"}, listing(t, filepath.Dir(path)))
	}
}

// begun leaves an unfinished file in which blocks 0, 1 and 2 of five are written.
func begun(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.pack")
	broken := errors.New("image 63 is broken")
	ds := newMade()
	ds.read = func(i int) error {
		if i == 63 {
			return broken
		}
		return nil
	}
	_, err := Pack(t.Context(), ds, path, PackOptions{Workers: 1})
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "data: pack: image 63 is broken: "+path+".partial keeps 63 of 100 images, and the same command goes on from there")
	require.Equal(t, []string{"x.pack.partial"}, listing(t, filepath.Dir(path)))
	return path
}

func TestPackingGoesOn(t *testing.T) {
	want := contents(t, pack(t, newMade()))
	path := begun(t)
	ds := newMade()
	ds.read = func(i int) error {
		if i < 63 {
			return fmt.Errorf("image %d was in the file already", i)
		}
		return nil
	}
	res, err := Pack(t.Context(), ds, path, PackOptions{})
	require.NoError(t, err)
	assert.Equal(t, 63, res.Kept)
	assert.Equal(t, int64(37), ds.reads.Load())
	assert.Equal(t, want, contents(t, path))
	assert.Equal(t, []string{"x.pack"}, listing(t, filepath.Dir(path)))
}

// What a power cut leaves of a block is not taken for it, nor is a file that was cut.
func TestPackingGoesOnAfterDamage(t *testing.T) {
	want := contents(t, pack(t, newMade()))
	h, err := newPackedHead(newMade(), vision.Decoder)
	require.NoError(t, err)
	second, _, _, _ := h.block(1)
	for name, c := range map[string]struct {
		damage func(path string) error
		kept   int
	}{
		"zeros": {func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(make([]byte, 4096), second)
			return errors.Join(err, f.Close())
		}, 42},
		"cut":                      {func(path string) error { return os.Truncate(path, second+100) }, 21},
		"only the head":            {func(path string) error { return os.Truncate(path, h.at) }, 0},
		"empty":                    {func(path string) error { return os.Truncate(path, 0) }, 0},
		"longer":                   {func(path string) error { return os.Truncate(path, h.size()+9) }, 63},
		"finished but not renamed": {func(path string) error { return os.WriteFile(path, want, 0o644) }, 100},
	} {
		path := begun(t)
		require.NoError(t, c.damage(path+".partial"))
		res, err := Pack(t.Context(), newMade(), path, PackOptions{Workers: 3})
		require.NoError(t, err, name)
		assert.Equal(t, c.kept, res.Kept, name)
		assert.Equal(t, want, contents(t, path), name)
	}
}

func TestPackingDoesNotGoOnWithAnother(t *testing.T) {
	path := begun(t)
	before := contents(t, path+".partial")
	for want, change := range map[string]func(*made){
		"an unfinished file of made, asked for is other":                                func(m *made) { m.name = "other" },
		"an unfinished file of 64x64x3 images, asked for are 32x32x1":                   func(m *made) { m.shape = Shape{Height: 32, Width: 32, Channels: 1} },
		"an unfinished file of made as it was before it changed, or with other options": func(m *made) { m.n = 99 },
		"an unfinished file with other labels or another layout":                        func(m *made) { m.labels[5] = -1 },
	} {
		ds := newMade()
		change(ds)
		_, err := Pack(t.Context(), ds, path, PackOptions{})
		require.EqualError(t, err, "data: pack: "+path+".partial: "+want+": remove it, or choose another name")
		assert.Zero(t, ds.reads.Load())
	}
	h, err := newPackedHead(newMade(), "another decoder")
	require.NoError(t, err)
	_, err = openPartial(path, h)
	assert.ErrorContains(t, err, "an unfinished file by the decoder \""+vision.Decoder+"\", here it is \"another decoder\"")
	assert.Equal(t, before, contents(t, path+".partial"))

	require.NoError(t, os.WriteFile(path+".partial", []byte("something of the user's"), 0o644))
	_, err = Pack(t.Context(), newMade(), path, PackOptions{})
	assert.EqualError(t, err, "data: pack: "+path+".partial: it cannot be gone on with: not a packed file: remove it, or choose another name")
	assert.Equal(t, "something of the user's", string(contents(t, path+".partial")))
}

func TestPackingIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	path := filepath.Join(t.TempDir(), "x.pack")
	ds := newMade()
	ds.read = func(i int) error {
		if i == 30 {
			cancel()
		}
		return nil
	}
	_, err := Pack(ctx, ds, path, PackOptions{Workers: 1})
	require.EqualError(t, err, "data: pack: interrupted: "+path+".partial keeps 21 of 100 images, and the same command goes on from there")
	assert.NotErrorIs(t, err, context.Canceled)

	_, err = Pack(ctx, newMade(), path, PackOptions{})
	require.ErrorContains(t, err, "keeps 21 of 100 images", "also when nothing was added to it")

	ended := filepath.Join(t.TempDir(), "x.pack")
	_, err = Pack(ctx, newMade(), ended, PackOptions{})
	require.ErrorIs(t, err, context.Canceled, "nothing was written")
	assert.Empty(t, listing(t, filepath.Dir(ended)))
}

func TestTwoProcessesDoNotPackIntoOneFile(t *testing.T) {
	path := begun(t)
	f, err := os.Open(path + ".partial")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	_, err = Pack(t.Context(), newMade(), path, PackOptions{})
	require.EqualError(t, err, "data: pack: "+path+".partial: another process is packing into it: wait for it, or choose another name")

	// The other one finishes between the opening and the locking.
	require.NoError(t, os.Rename(path+".partial", path))
	late := &partial{File: f, name: path + ".partial"}
	assert.ErrorContains(t, late.hold(), "another process has just finished it")
	require.NoError(t, os.WriteFile(late.name, nil, 0o644)) // and a third one begins
	assert.ErrorContains(t, late.hold(), "another process has just finished it")
}

func TestWherePackingCannotWrite(t *testing.T) {
	dir := t.TempDir()
	_, err := Pack(t.Context(), newMade(), filepath.Join(dir, "gone", "x.pack"), PackOptions{})
	assert.EqualError(t, err, "data: pack: "+dir+"/gone/x.pack.partial: no such file or directory: choose a file that can be written")
	_, err = Pack(t.Context(), newMade(), dir, PackOptions{})
	assert.EqualError(t, err, "data: pack: "+dir+": not a regular file: choose another name")
	assert.Empty(t, listing(t, dir))

	// Through a link, and over what is there.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "real"), []byte("old"), 0o644))
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "link")))
	_, err = Pack(t.Context(), newMade(), filepath.Join(dir, "link"), PackOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"link", "real"}, listing(t, dir))
	assert.Equal(t, 100, openPack(t, filepath.Join(dir, "real")).Len())

	empty := newMade()
	empty.n = 0
	_, err = Pack(t.Context(), empty, filepath.Join(dir, "none"), PackOptions{})
	assert.ErrorContains(t, err, "data: pack: made: 0 images: a file holds 1 to")
}

// A file that is packed again from itself: what is read stays whole until the new one is complete.
func TestPackingAFileFromItself(t *testing.T) {
	path := pack(t, newMade())
	p := openPack(t, path)
	_, err := Pack(t.Context(), p, path, PackOptions{})
	require.NoError(t, err)
	sameImages(t, newMade(), openPack(t, path))
	sameImages(t, newMade(), p)
}

// Labels are those of the images that stand in for corrupt ones. Which those are an unfinished file does not tell, so
// packing begins again.
func TestPackingSkipsCorruptFiles(t *testing.T) {
	for kind, spec := range spoiled(t, 3, 17, 30) {
		o := Options{SkipCorrupt: 3, Seed: 5}
		direct := opened(t, spec, o)
		for i := range direct.Len() {
			read(t, direct, 0, i) // after which Label is that of what stands in
		}
		path := pack(t, opened(t, spec, o))
		sameImages(t, direct, openPack(t, path))

		again := filepath.Join(t.TempDir(), "x.pack")
		o.SkipCorrupt = 2
		_, err := Pack(t.Context(), opened(t, spec, o), again, PackOptions{Workers: 1})
		require.ErrorContains(t, err, "2 others are broken too", kind)
		assert.Empty(t, listing(t, filepath.Dir(again)))

		ds := opened(t, spec, Options{SkipCorrupt: 3, Seed: 5})
		h, err := newPackedHead(ds, vision.Decoder)
		require.NoError(t, err)
		left, err := openPartial(again, h) // what a process that was killed leaves: a block, but not its labels
		require.NoError(t, err)
		whole := openPack(t, path)
		h.sums[0] = whole.sums[0]
		_, headErr := left.WriteAt(h.encode(), 0)
		_, err = left.WriteAt(whole.data[h.at:], h.at)
		require.NoError(t, errors.Join(headErr, err, left.Close()))
		res, err := Pack(t.Context(), ds, again, PackOptions{})
		require.NoError(t, err)
		assert.Zero(t, res.Kept)
		assert.Equal(t, contents(t, path), contents(t, again))
	}
}

// What options make of the pixels is in the fingerprint, so that no file is half of one kind and half of another.
func TestPackingDoesNotGoOnWithOtherOptions(t *testing.T) {
	spec := "folder:" + tree(t)
	plain := Options{Size: square(4)}
	prints := map[string]bool{}
	for _, o := range []Options{plain, {Size: square(4), CropBefore: 2}, {Size: square(4), FastDecode: true}, {Size: square(4), Background: &[3]byte{1, 2, 3}},
		{Size: square(4), SkipCorrupt: 1}, {Size: square(4), SkipCorrupt: 1, Seed: 1}, {Size: square(4), SkipCorrupt: 1, MaxPixels: 99}} {
		prints[opened(t, spec, o).Fingerprint()] = true
	}
	assert.Len(t, prints, 7)
	white := Options{Size: square(4), Background: &[3]byte{255, 255, 255}, MaxPixels: 99}
	assert.Equal(t, opened(t, spec, plain).Fingerprint(), opened(t, spec, white).Fingerprint(), "the same pixels")

	path := filepath.Join(t.TempDir(), "x.pack")
	h, err := newPackedHead(opened(t, spec, plain), vision.Decoder)
	require.NoError(t, err)
	left, err := openPartial(path, h)
	require.NoError(t, err)
	require.NoError(t, left.Close())
	_, err = Pack(t.Context(), opened(t, spec, Options{Size: square(4), CropBefore: 2}), path, PackOptions{})
	assert.ErrorContains(t, err, "as it was before it changed, or with other options: remove it")
}
