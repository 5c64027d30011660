package data

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"image"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// picture is a PNG of 4x4 gray pixels that no other number has.
func picture(t testing.TB, number int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 4, 4))
	for i := range m.Pix {
		m.Pix[i] = byte(number)
	}
	m.Pix[1], m.Pix[2] = byte(number>>8), 77
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// entry is a file of an archive that is made for a test.
type entry struct {
	name string
	body []byte
	kind byte // of tar; 0: a file
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.body)), Mode: 0o644, Typeflag: e.kind, ModTime: time.Unix(1.7e9, 0)}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname = "/etc/passwd"
		}
		require.NoError(t, w.WriteHeader(h))
		_, err := w.Write(e.body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate * uint16(i%2)}
		if e.kind == tar.TypeSymlink {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		require.NoError(t, err)
		_, err = f.Write(e.body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func zstded(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll(b, nil)
}

func written(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, b, 0o644))
	return path
}

// What GNU tar (two formats, a name of 124 bytes, compressed or not), Info-ZIP and Python's zipfile wrote of one folder.
func TestArchivesOfTheRealTools(t *testing.T) {
	for _, spec := range []string{
		"tar:testdata/pax.tgz", "tar:testdata/gnu.tar.zst", "tar:testdata/dot.tgz",
		"zip:testdata/infozip.zip", "zip:testdata/stored.zip", "zip:testdata/python.zip",
	} {
		ds, err := Open(spec, Options{})
		require.NoError(t, err, spec)
		assert.Equal(t, []string{"ant", "bee", "cow"}, ds.Classes(), spec)
		assert.Equal(t, spec, ds.Spec())
		require.Equal(t, 5, ds.Len(), spec)
		assert.Equal(t, Shape{Height: 4, Width: 4, Channels: 3}, ds.Shape())
		shades := map[byte]int{}
		for i := range ds.Len() {
			shades[read(t, ds, 0, i)[0]] = ds.Label(i)
		}
		assert.Equal(t, map[byte]int{20: 0, 60: 0, 100: 1, 140: 1, 180: 2}, shades, spec)
		require.NoError(t, ds.Close())
	}
}

func TestATarIsTheSameCompressedOrNot(t *testing.T) {
	plain := tarOf(t, entry{"a/1.png", picture(t, 1), 0}, entry{"b/2.png", picture(t, 2), 0})
	var prints []string
	for name, b := range map[string][]byte{"x.tar": plain, "x.tgz": gzipped(t, plain), "x.tar.zst": zstded(t, plain)} {
		ds, err := Open("tar:"+written(t, name, b), Options{})
		require.NoError(t, err)
		assert.Equal(t, []int{0, 1}, []int{ds.Label(0), ds.Label(1)})
		assert.EqualValues(t, 2, read(t, ds, 0, 1)[0])
		prints = append(prints, ds.Fingerprint())
		require.NoError(t, ds.Close())
	}
	assert.Equal(t, prints[0], prints[1])
	assert.Equal(t, prints[0], prints[2])
	other, err := Open("tar:"+written(t, "y.tar", tarOf(t, entry{"a/1.png", picture(t, 1), 0})), Options{})
	require.NoError(t, err)
	defer other.Close()
	assert.NotEqual(t, prints[0], other.Fingerprint())
}

// The folders around all images are no labels, and hidden files are no images.
func TestLabelsOfArchives(t *testing.T) {
	for _, c := range []struct {
		files   []string
		classes []string
		labels  []int
	}{
		{[]string{"b/1.png", "a/2.png"}, []string{"a", "b"}, []int{1, 0}},
		{[]string{"top/train/b/1.png", "top/train/a/2.png"}, []string{"a", "b"}, []int{1, 0}},
		{[]string{"top/only/1.png", "top/only/2.png"}, []string{"only"}, []int{0, 0}},
		{[]string{"1.png", "2.png"}, nil, []int{-1, -1}},
		{[]string{"1.png", "a/2.png"}, []string{"a"}, []int{-1, 0}},
		{[]string{"top/1.png", "top/a/2.png"}, []string{"a"}, []int{-1, 0}},
		{[]string{"top/a/x/1.png", "top/a/y/2.png"}, []string{"x", "y"}, []int{0, 1}},
		{[]string{"a/1.png", "__MACOSX/._1.png", ".git/3.png", "ab/2.png"}, []string{"a", "ab"}, []int{0, 1}},
	} {
		var entries []entry
		for i, name := range c.files {
			entries = append(entries, entry{name, picture(t, i), 0})
		}
		for spec, b := range map[string][]byte{"tar": tarOf(t, entries...), "zip": zipOf(t, entries...)} {
			ds, err := Open(spec+":"+written(t, "x", b), Options{})
			require.NoError(t, err, c.files)
			require.Equal(t, 2, ds.Len())
			assert.Equal(t, c.classes, ds.Classes(), c.files)
			assert.Equal(t, c.labels, []int{ds.Label(0), ds.Label(1)}, c.files)
			require.NoError(t, ds.Close())
		}
	}
}

func TestEmptyFilesAreNamed(t *testing.T) {
	entries := []entry{{"a/1.png", picture(t, 1), 0}, {"a/empty.png", nil, 0}, {"a/half.png", picture(t, 3)[:40], 0}}
	for spec, b := range map[string][]byte{"tar": tarOf(t, entries...), "zip": zipOf(t, entries...)} {
		ds, err := Open(spec+":"+written(t, "x", b), Options{})
		require.NoError(t, err)
		assert.ErrorContains(t, ds.Read(0, 1, make([]byte, 48)), "x: a/empty.png: the file is empty: mend or remove")
		assert.ErrorContains(t, ds.Read(0, 2, make([]byte, 48)), "x: a/half.png: the file is truncated")
		require.NoError(t, ds.Close())
	}
}

// A full disk while a compressed archive is unpacked is told, with the disk's name and what to do.
func TestNoRoomToUnpack(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	defer f.Close()
	_, err = (&unpacked{f, "/scratch", false}).Write([]byte("x"))
	assert.EqualError(t, err, "unpacking it to /scratch: no space left on device: make room there, or unpack the archive and use folder:DIR")

	path := written(t, "x.tgz", gzipped(t, tarOf(t, entry{"a/1.png", picture(t, 1), 0})))
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var warned []string
	elsewhere, err := Open("tar:"+path, Options{CacheDir: filepath.Join(path, "below"), Warn: func(text string) { warned = append(warned, text) }})
	require.NoError(t, err)
	assert.Equal(t, 1, elsewhere.Len())
	require.NoError(t, elsewhere.Close())
	require.Len(t, warned, 1)
	assert.Contains(t, warned[0], "not a directory: name a folder that can be written in XDG_CACHE_HOME: unpacks to "+temp)
	t.Setenv("TMPDIR", filepath.Join(path, "below"))
	_, err = Open("tar:"+path, Options{CacheDir: filepath.Join(path, "below")})
	assert.ErrorContains(t, err, "not a directory: name another directory in TMPDIR")
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ds, err := Open("tar:"+path, Options{CacheDir: filepath.Join(path, "below")}) // a cache that cannot be written
	require.NoError(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "what was unpacked has no name")
	assert.EqualValues(t, 1, read(t, ds, 0, 0)[0])
	require.NoError(t, ds.Close())
}

// An archive that is written to under a run is an error; one that is removed is read on.
func TestAnArchiveThatChangesWhileItIsRead(t *testing.T) {
	entries := []entry{{"a/1.png", picture(t, 1), 0}, {"a/2.png", picture(t, 2), 0}}
	for spec, b := range map[string][]byte{"tar": tarOf(t, entries...), "zip": zipOf(t, entries...)} {
		path := written(t, "x", b)
		ds, err := Open(spec+":"+path, Options{})
		require.NoError(t, err)
		before, err := os.Stat(path)
		require.NoError(t, err)
		dst := make([]byte, 48)
		require.NoError(t, ds.Read(0, 1, dst))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
		err = ds.Read(0, 1, dst)
		assert.ErrorContains(t, err, "x: a/2.png: the archive was written to: not what it was when it was listed: the archive changed while it was read")
		assert.Nil(t, corrupt(err), "no reason to skip it")
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.Write([]byte("more"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, os.Chtimes(path, time.Time{}, before.ModTime()))
		assert.ErrorContains(t, ds.Read(0, 1, dst), "the archive was written to", "its time set back")
		require.NoError(t, os.Truncate(path, 10))
		assert.ErrorContains(t, ds.Read(0, 1, dst), "x: a/2.png: the archive became shorter")
		require.NoError(t, ds.Close())

		path = written(t, "x", b)
		ds, err = Open(spec+":"+path, Options{})
		require.NoError(t, err)
		require.NoError(t, os.Remove(path))
		assert.EqualValues(t, 2, read(t, ds, 0, 1)[0])
		require.NoError(t, ds.Close())
	}
}

// A cache folder on a disk that fills up while an archive is unpacked to it: it is unpacked again, to the temporary folder.
func TestADiskThatFillsUpWhileUnpacking(t *testing.T) {
	disk, temp := t.TempDir(), t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("SKIPPED: no small disk can be mounted here: " + err.Error())
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(disk, 0)) })
	t.Setenv("TMPDIR", temp)
	noise := make([]byte, 1<<19)
	rand.NewChaCha8([32]byte{}).Read(noise)
	path := written(t, "x.tgz", gzipped(t, tarOf(t, entry{"a/1.png", picture(t, 1), 0}, entry{"b/2.png", append(picture(t, 2), noise...), 0})))
	var warned []string
	o := Options{Size: square(4), CacheDir: filepath.Join(disk, "data"), Warn: func(text string) { warned = append(warned, text) }}
	ds := opened(t, "tar:"+path, o)
	require.Len(t, warned, 1)
	assert.Contains(t, warned[0], "no space left on device: name a folder that can be written in XDG_CACHE_HOME")
	want := opened(t, "tar:"+path, Options{Size: square(4)})
	assert.Equal(t, want.Fingerprint(), ds.Fingerprint())
	for i := range 2 {
		a, b := make([]byte, 48), make([]byte, 48)
		require.NoError(t, want.Read(0, i, a))
		require.NoError(t, ds.Read(0, i, b))
		assert.Equal(t, a, b)
	}
}
