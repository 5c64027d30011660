package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// spoiled are sources of 40 images, of which those named are broken: empty, cut, no image at all.
func spoiled(t *testing.T, broken ...int) map[string]string {
	t.Helper()
	dir := t.TempDir()
	var entries []entry
	for i := range 40 {
		body := picture(t, i)
		for k, b := range broken {
			if i == b {
				body = [][]byte{nil, body[:40], []byte("hello")}[k%3]
			}
		}
		e := entry{fmt.Sprintf("class%d/%02d.png", i/10, i), body, 0}
		path := filepath.Join(dir, e.name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, body, 0o644))
		entries = append(entries, e)
	}
	return map[string]string{
		"folder": "folder:" + dir, "zip": "zip:" + written(t, "x.zip", zipOf(t, entries...)), "tgz": "tar:" + written(t, "x.tgz", gzipped(t, tarOf(t, entries...))),
	}
}

// seen is what a loader yields in two epochs: per image its number and label.
func seen(t *testing.T, ds Dataset, o LoaderOptions) (images []string, err error) {
	t.Helper()
	l, err := NewLoader(ds, o)
	require.NoError(t, err)
	defer l.Close()
	for l.o.Start*int64(o.Batch)+int64(len(images)) < int64(2*ds.Len()) {
		b, err := l.Next(context.Background())
		if err != nil {
			return images, err
		}
		for i := range b.N {
			images = append(images, fmt.Sprintf("%d of class %d", b.Images[i*48], b.Labels[i]))
		}
		l.Recycle(b)
	}
	return images, nil
}

func TestCorruptFilesAreReplaced(t *testing.T) {
	for kind, spec := range spoiled(t, 3, 17, 30) {
		o := Options{SkipCorrupt: 3, Seed: 5}
		order := LoaderOptions{Batch: 8, Shuffle: true, Seed: 1, Workers: 1}
		want, err := seen(t, opened(t, spec, o), order)
		require.NoError(t, err, kind)
		require.Len(t, want, 80)
		times := map[string]int{}
		for _, image := range want {
			times[image]++
		}
		for i := range 40 {
			own := times[fmt.Sprintf("%d of class %d", i, i/10)]
			if i == 3 || i == 17 || i == 30 {
				assert.Zero(t, own)
			} else {
				assert.GreaterOrEqual(t, own, 2, "each other image in both epochs, with its own label")
			}
		}
		for _, workers := range []int{2, 5, 16} {
			ds := opened(t, spec, o)
			order.Workers = workers
			got, err := seen(t, ds, order)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s, %d workers", kind, workers)
			skips := Skipped(ds)
			require.Len(t, skips, 3)
			for k, i := range []int{3, 17, 30} {
				assert.Equal(t, i, skips[k].Image)
				assert.Contains(t, skips[k].Err.File, fmt.Sprintf("%02d.png", i))
				assert.NotEqual(t, i, skips[k].Instead)
			}
		}
		// From the second epoch on, in a dataset that has seen nothing of the first.
		order.Start = 5
		got, err := seen(t, opened(t, spec, Options{SkipCorrupt: 3, Seed: 5, Flip: true}), order)
		require.NoError(t, err)
		assert.Equal(t, want[40:], got, "pictures are the same mirrored, at their first pixel")

		other, err := seen(t, opened(t, spec, Options{SkipCorrupt: 3, Seed: 6}), LoaderOptions{Batch: 8, Shuffle: true, Seed: 1})
		require.NoError(t, err)
		assert.NotEqual(t, want, other, "the seed chooses")
	}
}

func TestTheSizeIsThatOfTheFirstImage(t *testing.T) {
	for _, spec := range spoiled(t, 0, 1) {
		assert.Equal(t, Shape{Height: 4, Width: 4, Channels: 3}, opened(t, spec, Options{SkipCorrupt: 2}).Shape())
		_, err := Open(spec, Options{SkipCorrupt: 1})
		assert.ErrorContains(t, err, "01.png: the file is truncated")
	}
}

func TestOneCorruptFileMoreThanAllowedEndsTheRun(t *testing.T) {
	for kind, spec := range spoiled(t, 3, 17, 30) {
		_, err := seen(t, opened(t, spec, Options{}), LoaderOptions{Batch: 4})
		require.ErrorContains(t, err, "03.png: the file is empty: mend or remove", kind)
		got, err := seen(t, opened(t, spec, Options{SkipCorrupt: 2}), LoaderOptions{Batch: 4, Workers: 1})
		require.ErrorContains(t, err, "30.png: not a ")
		assert.ErrorContains(t, err, "2 others are broken too, and as many are allowed: mend or remove them, or raise --skip-corrupt")
		assert.Len(t, got, 28)
	}
	// Of several in a batch the first is named, whichever was found first.
	spec := spoiled(t, 9, 17, 25, 33)["folder"]
	for range 50 {
		_, err := seen(t, opened(t, spec, Options{}), LoaderOptions{Batch: 40, Workers: 5})
		require.ErrorContains(t, err, "09.png")
	}
	// A file that is gone is not a corrupt one.
	spec = spoiled(t)["folder"]
	ds := opened(t, spec, Options{SkipCorrupt: 10})
	require.NoError(t, os.Remove(filepath.Join(strings.TrimPrefix(spec, "folder:"), "class1", "12.png")))
	_, err := seen(t, ds, LoaderOptions{Batch: 4})
	assert.ErrorContains(t, err, "12.png: no such file or directory: the folder changed")
}

func TestASourceOfCorruptFilesEnds(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), []byte("x"), 0o644))
	}
	_, err := seen(t, opened(t, "folder:"+dir, Options{SkipCorrupt: 100, Size: square(4)}), LoaderOptions{Batch: 2})
	assert.ErrorContains(t, err, "none of its 5 files is an image")
}

// failing is a folder of which some files cannot be read.
type failing struct {
	*folder
	errs map[int]error
}

func (f failing) load(i int, s *scratch) ([]byte, error) {
	if err := f.errs[i]; err != nil {
		return nil, err
	}
	return f.folder.load(i, s)
}

func TestCheckListsWhatIsBroken(t *testing.T) {
	for kind, spec := range spoiled(t, 3, 17, 30) {
		for _, workers := range []int{1, 4} {
			last := 0
			ds := opened(t, spec, Options{Size: square(4)})
			r, err := Check(context.Background(), ds, CheckOptions{Workers: workers, Done: func(n int) { last = n }})
			require.NoError(t, err)
			assert.Equal(t, 40, r.Images)
			assert.Equal(t, 40, last)
			assert.Equal(t, spec, r.Spec)
			assert.Equal(t, ds.Fingerprint(), r.Fingerprint)
			require.Len(t, r.Broken, 3, kind)
			assert.Equal(t, []int{3, 17, 30}, []int{r.Broken[0].Image, r.Broken[1].Image, r.Broken[2].Image})
			assert.True(t, strings.HasSuffix(r.Broken[1].File, "class1/17.png"))
			assert.Equal(t, "the file is empty", r.Broken[0].Error)
			assert.Equal(t, "the file is truncated", r.Broken[1].Error)
		}
	}
	r, err := Check(context.Background(), newCounting(1000), CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, r.Broken)
	bad := newCounting(1000)
	bad.bad = 999
	r, err = Check(context.Background(), bad, CheckOptions{})
	require.NoError(t, err)
	assert.Equal(t, []Broken{{999, "", "bad image"}}, r.Broken)
	// What the machine fails at is no fault of a file's.
	ds := opened(t, spoiled(t)["folder"], Options{Size: square(4)}).(*imageFiles)
	ds.store = failing{ds.store.(*folder), map[int]error{7: unix.EIO, 8: unix.EMFILE}}
	r, err = Check(context.Background(), ds, CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, r.Broken)
	require.Len(t, r.Unread, 2)
	assert.Equal(t, Broken{7, ds.file(7), "input/output error"}, r.Unread[0])
	assert.Equal(t, Broken{8, ds.file(8), "too many open files"}, r.Unread[1])
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Check(ended, newCounting(1000), CheckOptions{})
	assert.ErrorIs(t, err, context.Canceled)
}
