package data

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		assert.Equal(t, Shape{4, 4, 3}, ds.Shape())
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

func TestHostileEntriesAreRefusedByName(t *testing.T) {
	good := entry{"a/1.png", picture(t, 1), 0}
	for _, c := range []struct {
		entry
		want string
	}{
		{entry{"../../up.png", nil, 0}, "../../up.png: a path with .."},
		{entry{"a/../../up.txt", nil, 0}, "a/../../up.txt: a path with .."},
		{entry{`..\up.png`, nil, 0}, "a path with .."},
		{entry{"/etc/x.png", nil, 0}, "/etc/x.png: an absolute path"},
		{entry{"C:/x.png", nil, 0}, "C:/x.png: an absolute path"},
		{entry{"a/link.png", nil, tar.TypeSymlink}, "a/link.png: a symbolic link"},
		{entry{"a/1.png", picture(t, 2), 0}, "a/1.png: it is in the archive twice"},
		{entry{"a/\x1b[2J/../x.png", nil, 0}, `"a/\x1b[2J/../x.png": a path with ..`},
	} {
		for kind, b := range map[string][]byte{"tar": tarOf(t, good, c.entry), "zip": zipOf(t, good, c.entry)} {
			path := written(t, "x."+kind, b)
			_, err := Open(kind+":"+path, Options{})
			require.ErrorContains(t, err, c.want, kind)
			assert.ErrorContains(t, err, "data: "+kind+": "+path+": ")
			assert.NotContains(t, err.Error(), "\n")
		}
	}
	for kind, want := range map[byte]string{
		tar.TypeLink: "a hard link", tar.TypeChar: "a device", tar.TypeBlock: "a device", tar.TypeFifo: "a pipe", 'V': "an entry of type 'V'",
	} {
		_, err := Open("tar:"+written(t, "x.tar", tarOf(t, good, entry{"a/odd.png", nil, kind})), Options{})
		assert.ErrorContains(t, err, "a/odd.png: "+want)
	}
}

func TestATruncatedTarIsNamed(t *testing.T) {
	whole := tarOf(t, entry{"a/1.png", picture(t, 1), 0}, entry{"a/2.png", picture(t, 2), 0})
	for _, c := range []struct {
		length int
		want   string
	}{
		{512 + 10, "a/1.png: the archive is truncated within it"},
		{1024, "a/1.png: the archive ends after it without tar's end mark"},
		{1024 + 100, "after a/1.png: the archive is truncated"},
		{2048, "a/2.png: the archive ends after it without tar's end mark"},
		{100, "at its beginning: the archive is truncated"},
	} {
		_, err := Open("tar:"+written(t, "x.tar", whole[:c.length]), Options{})
		assert.ErrorContains(t, err, c.want, "%d", c.length)
		// As a stream that is whole in itself, and as one that is cut.
		_, err = Open("tar:"+written(t, "x.tgz", gzipped(t, whole[:c.length])), Options{})
		assert.ErrorContains(t, err, c.want, "%d", c.length)
	}
	for name, packed := range map[string][]byte{"x.tgz": gzipped(t, whole), "x.tar.zst": zstded(t, whole)} {
		for _, length := range []int{len(packed) - 1, len(packed) / 2, len(packed) - 6} {
			_, err := Open("tar:"+written(t, name, packed[:length]), Options{})
			require.Error(t, err, "%s cut to %d", name, length)
			assert.Contains(t, err.Error(), name)
		}
	}
	_, err := Open("tar:"+written(t, "two.tar", append(bytes.Clone(whole), whole...)), Options{})
	assert.ErrorContains(t, err, "after its end mark: more data")
	for want, b := range map[string]string{
		"compressed with xz":           "\xfd7zXZ\x00--------",
		"it asks for too much memory":  "\x28\xb5\x2f\xfd\x00\x88\x51\x00\x00----------",
		"a zip archive: write zip:":    "PK\x03\x04----------",
		"at its beginning":             strings.Repeat("no tar at all. ", 99),
		"no images in it (.jpg, .jpeg": string(tarOf(t)),
	} {
		_, err := Open("tar:"+written(t, "x", []byte(b)), Options{})
		assert.ErrorContains(t, err, want)
	}
}

// A gigabyte of zeros in a megabyte is no set of images.
func TestABombIsNotUnpacked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bomb.tar.zst")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := zstd.NewWriter(f)
	require.NoError(t, err)
	w := tar.NewWriter(z)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "zeros.txt", Size: 1 << 30, Mode: 0o600}))
	zeros := make([]byte, 1<<20)
	for range 1 << 10 {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	_, err = Open("tar:"+path, Options{})
	assert.ErrorContains(t, err, "bomb.tar.zst: after zeros.txt: it unpacks to more than 1032 times its size")
}

// patch changes bytes of a zip's central directory entry for name.
func patch(t *testing.T, file []byte, name string, offset int, value []byte) []byte {
	t.Helper()
	file = bytes.Clone(file)
	at := bytes.LastIndex(file, []byte(name)) - 46
	require.Equal(t, "PK\x01\x02", string(file[at:at+4]))
	copy(file[at+offset:], value)
	return file
}

func TestAZipThatLiesIsRefusedByName(t *testing.T) {
	stored, deflated := entry{"a/stored.png", picture(t, 1), 0}, entry{"a/deflated.png", bytes.Repeat(picture(t, 2), 9), 0}
	good := zipOf(t, stored, deflated)
	u32 := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	const flags, method, crc, packed, plain, offset = 8, 10, 16, 20, 24, 42
	open := map[string][]byte{
		"a/stored.png: 83 bytes cannot become the 1000":              patch(t, good, stored.name, plain, u32(1000)),
		"a/deflated.png: 92 bytes cannot become the 900000":          patch(t, good, deflated.name, plain, u32(900000)),
		"a/deflated.png: the sizes up to here exceed the archive's":  patch(t, good, deflated.name, packed, u32(1<<20)),
		"a/deflated.png: more than 1073741824 bytes":                 patch(t, good, deflated.name, plain, u32(1<<31)),
		"a/deflated.png: no file where the archive says it lies":     patch(t, good, deflated.name, offset, u32(7)),
		"a/stored.png: encrypted":                                    patch(t, good, stored.name, flags, []byte{1, 0}),
		"a/stored.png: compression method 12":                        patch(t, good, stored.name, method, []byte{12, 0}),
		"x.zip: not a zip archive, or a truncated one: get it again": good[:len(good)-30],
	}
	// Entries that share one place, as in bombs that unpack to far more than the archive could hold.
	big := entry{"a/big.png", bytes.Repeat([]byte("0123456789"), 50), 0}
	shared := zipOf(t, big, entry{"a/alias.png", nil, 0})
	head := shared[bytes.LastIndex(shared, []byte(big.name))-46:]
	for field, width := range map[int]int{method: 2, crc: 4, packed: 4, plain: 4, offset: 4} {
		shared = patch(t, shared, "a/alias.png", field, head[field:field+width])
	}
	open["a/alias.png: the sizes up to here exceed the archive's"] = shared
	for want, b := range open {
		_, err := Open("zip:"+written(t, "x.zip", b), Options{Size: 4})
		assert.ErrorContains(t, err, want)
	}
	for want, b := range map[string][]byte{
		"a/stored.png: its checksum does not fit: mend or remove":          patch(t, good, stored.name, crc, u32(1)),
		"a/deflated.png: it holds more than the 100 bytes":                 patch(t, good, deflated.name, plain, u32(100)),
		fmt.Sprintf("it holds %d of the 4000 bytes", 9*len(picture(t, 2))): patch(t, good, deflated.name, plain, u32(4000)),
	} {
		ds, err := Open("zip:"+written(t, "x.zip", b), Options{Size: 4})
		require.NoError(t, err)
		i := 0
		if !strings.Contains(want, "stored") {
			i = 1
		}
		err = ds.Read(0, i, make([]byte, 48))
		assert.ErrorContains(t, err, want)
		var f *FileError
		require.ErrorAs(t, err, &f)
		assert.True(t, f.Corrupt)
		require.NoError(t, ds.Close())
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
	_, err = (&unpacked{f, "/scratch"}).Write([]byte("x"))
	assert.EqualError(t, err, "unpacking it to /scratch: no space left on device: make room there, or unpack the archive and use folder:DIR")

	path := written(t, "x.tgz", gzipped(t, tarOf(t, entry{"a/1.png", picture(t, 1), 0})))
	_, err = Open("tar:"+path, Options{CacheDir: filepath.Join(path, "below")})
	assert.ErrorContains(t, err, "x.tgz: not a directory: name another directory")
	dir := t.TempDir()
	ds, err := Open("tar:"+path, Options{CacheDir: filepath.Join(dir, "made")})
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Join(dir, "made"))
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
