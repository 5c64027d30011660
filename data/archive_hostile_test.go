package data

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	_, err := Open("zip:"+written(t, "x.zip", zipOf(t, good, entry{"a/1.png", picture(t, 2), 0})), Options{})
	assert.ErrorContains(t, err, "x.zip: a/1.png: it is in the archive twice")
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
		_, err := Open("zip:"+written(t, "x.zip", b), Options{Size: square(4)})
		assert.ErrorContains(t, err, want)
	}
	for want, b := range map[string][]byte{
		"a/stored.png: its checksum does not fit: mend or remove":          patch(t, good, stored.name, crc, u32(1)),
		"a/deflated.png: it holds more than the 100 bytes":                 patch(t, good, deflated.name, plain, u32(100)),
		fmt.Sprintf("it holds %d of the 4000 bytes", 9*len(picture(t, 2))): patch(t, good, deflated.name, plain, u32(4000)),
	} {
		ds, err := Open("zip:"+written(t, "x.zip", b), Options{Size: square(4)})
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
