package pt

import (
	"archive/zip"
	"bytes"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func fixtures(f *testing.F) map[string][]byte {
	f.Helper()
	paths, err := filepath.Glob(testFile("*.pt"))
	require.NoError(f, err)
	files := map[string][]byte{}
	for _, path := range paths {
		files[path], err = os.ReadFile(path)
		require.NoError(f, err)
	}
	require.NotEmpty(f, files)
	return files
}

// FuzzPickle runs any bytes as data.pkl of an archive with small storages: no panic, and what comes out can be read,
// written, and read again.
func FuzzPickle(f *testing.F) {
	for _, data := range fixtures(f) {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			continue // the legacy format
		}
		for _, e := range z.File {
			if filepath.Base(e.Name) == "data.pkl" {
				off, err := e.DataOffset()
				require.NoError(f, err)
				f.Add(data[off : off+int64(e.UncompressedSize64)])
			}
		}
	}
	f.Add([]byte("\x80\x02" + rebuild + storageID + "K\x01(K\x03t(K\x01t" + hooks + "tR."))
	f.Add([]byte(bomb()))
	f.Fuzz(func(t *testing.T, pickle []byte) {
		var root any
		var err error
		bounded(t, len(pickle), func() { root, err = newMachine(pickle, fuzzArchive()).run() })
		if err != nil {
			return
		}
		readTwice(t, root)
	})
}

// fuzzArchive has the storages 0 to 9 of the sizes that the fixtures' first ones have, all zero.
func fuzzArchive() *archive {
	data := make([]byte, 96)
	a := &archive{r: bytes.NewReader(data), size: 4096, entries: map[string]*entry{}}
	for i, size := range []int64{16, 8, 12, 72, 4, 32, 96, 24, 3, 0} {
		name := "data/" + string(rune('0'+i))
		a.entries[name] = &entry{name: name, size: size, crc: crc32.ChecksumIEEE(data[:size])}
	}
	return a
}

// FuzzOpen opens any bytes as a file: no panic, no more memory than the file justifies.
func FuzzOpen(f *testing.F) {
	for _, data := range fixtures(f) {
		f.Add(data)
	}
	var own bytes.Buffer
	require.NoError(f, Write(&own, ownTree()))
	f.Add(own.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		data = withChecksums(data)
		var file *File
		var err error
		bounded(t, len(data), func() { file, err = NewFile(bytes.NewReader(data), int64(len(data))) })
		if err != nil {
			return
		}
		if file.Verify() == nil {
			readTwice(t, file.Root())
		}
	})
}

// withChecksums corrects the CRCs in a zip's directory: the fuzzer would never guess one, and stop at it.
func withChecksums(data []byte) []byte {
	data = bytes.Clone(data)
	for at := range data {
		h := data[at:]
		if len(h) < 46 || !bytes.HasPrefix(h, []byte("PK\x01\x02")) {
			continue
		}
		local, size := uint64(le.Uint32(h[42:])), uint64(le.Uint32(h[20:]))
		if local+30 > uint64(len(data)) {
			continue
		}
		l := data[local:]
		start := local + 30 + uint64(le.Uint16(l[26:])) + uint64(le.Uint16(l[28:]))
		if start+size <= uint64(len(data)) {
			le.PutUint32(h[16:], crc32.ChecksumIEEE(data[start:start+size]))
		}
	}
	return data
}

// bounded demands that f allocates little: the garbage of growing slices is half of it.
func bounded(t *testing.T, size int, f func()) {
	t.Helper()
	require.Less(t, allocated(t, f), uint64(2*(64<<20+6*size)))
}

// readTwice writes a tree, which must have been read whole, and reads it again: both writings must be the same bytes. One with
// something that is not read cannot be written.
func readTwice(t *testing.T, root any) {
	t.Helper()
	var first, second bytes.Buffer
	err := Write(&first, root)
	var unread *unreadError
	if errors.As(err, &unread) {
		return
	}
	require.NoError(t, err)
	file, err := NewFile(bytes.NewReader(first.Bytes()), int64(first.Len()))
	require.NoError(t, err)
	require.NoError(t, Write(&second, file.Root()))
	require.True(t, bytes.Equal(first.Bytes(), second.Bytes()))
}
