package pt

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// remake copies a fixture's entries into a new zip; edit changes the headers and contents on the way.
func remake(t *testing.T, edit func(h *zip.FileHeader, data []byte) []byte) string {
	t.Helper()
	in, err := zip.OpenReader(testFile("net.pt"))
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close()) }()
	var buf bytes.Buffer
	out := zip.NewWriter(&buf)
	for _, f := range in.File {
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		h := &zip.FileHeader{Name: f.Name, Method: zip.Store}
		if data = edit(h, data); data == nil {
			continue
		}
		w, err := out.CreateHeader(h)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, out.Close())
	path := filepath.Join(t.TempDir(), "file.pt")
	require.NoError(t, os.WriteFile(path, buf.Bytes(), 0o666))
	return path
}

func TestHostileArchives(t *testing.T) {
	for want, edit := range map[string]func(h *zip.FileHeader, data []byte) []byte{
		"data/1 is compressed": func(h *zip.FileHeader, data []byte) []byte {
			if h.Name == "net/data/1" {
				h.Method = zip.Deflate
			}
			return data
		},
		"its byte order is big": func(h *zip.FileHeader, data []byte) []byte {
			if h.Name == "net/byteorder" {
				return []byte("big")
			}
			return data
		},
		"net/data/0 is there twice": func(h *zip.FileHeader, data []byte) []byte {
			if h.Name == "net/data/1" {
				h.Name = "net/data/0"
			}
			return data
		},
		"other/data/1 lies outside": func(h *zip.FileHeader, data []byte) []byte {
			h.Name = strings.Replace(h.Name, "net/data/1", "other/data/1", 1)
			return data
		},
		"two files data.pkl": func(h *zip.FileHeader, data []byte) []byte {
			h.Name = strings.Replace(h.Name, "net/version", "other/data.pkl", 1)
			return data
		},
		"a zip without data.pkl": func(h *zip.FileHeader, data []byte) []byte {
			h.Name = strings.Replace(h.Name, "data.pkl", "pickle.pkl", 1)
			return data
		},
		"the storage data/1 is missing": func(h *zip.FileHeader, data []byte) []byte {
			if h.Name == "net/data/1" {
				return nil
			}
			return data
		},
		"the storage data/1 has 4 bytes": func(h *zip.FileHeader, data []byte) []byte {
			if h.Name == "net/data/1" {
				return data[:4]
			}
			return data
		},
	} {
		_, err := Load(remake(t, edit))
		require.ErrorContains(t, err, want)
	}
	// The same file, unchanged, is read: also with the data descriptors of archive/zip.
	_, err := Load(remake(t, func(_ *zip.FileHeader, data []byte) []byte { return data }))
	require.NoError(t, err)
}

// A flipped bit anywhere in a payload or in the pickle is found.
func TestFlippedBits(t *testing.T) {
	whole, err := os.ReadFile(testFile("net.pt"))
	require.NoError(t, err)
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	require.NoError(t, err)
	for _, f := range z.File {
		inner := strings.TrimPrefix(f.Name, "net/")
		if inner != "data.pkl" && !strings.HasPrefix(inner, "data/") {
			continue
		}
		off, err := f.DataOffset()
		require.NoError(t, err)
		broken := bytes.Clone(whole)
		broken[off+int64(f.UncompressedSize64)-1] ^= 1
		path := filepath.Join(t.TempDir(), "broken.pt")
		require.NoError(t, os.WriteFile(path, broken, 0o666))
		_, err = Load(path)
		require.ErrorContains(t, err, inner+": the checksum does not match", f.Name)
	}
}

// A file that was cut short at any byte is refused, and nothing panics.
func TestTruncated(t *testing.T) {
	whole, err := os.ReadFile(testFile("parameter.pt"))
	require.NoError(t, err)
	for n := range whole {
		_, err := NewFile(bytes.NewReader(whole[:n]), int64(n))
		require.Error(t, err, n)
	}
	_, err = NewFile(bytes.NewReader(whole[:100]), 100)
	require.ErrorContains(t, err, "the file is cut short")
	_, err = NewFile(bytes.NewReader(nil), 0)
	require.ErrorContains(t, err, "the file is empty")
}

// Two entries over the same bytes would make a small file large.
func TestOverlappingEntries(t *testing.T) {
	var buf bytes.Buffer
	z := newZipWriter(&buf)
	require.NoError(t, z.add("archive/data.pkl", []byte("\x80\x02N.")))
	require.NoError(t, z.add("archive/data/0", make([]byte, 1000)))
	first := z.entries[1]
	for i := range 5 {
		first.name = "archive/data/" + string(rune('1'+i))
		z.entries = append(z.entries, first)
	}
	require.NoError(t, z.close())
	_, err := NewFile(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	require.ErrorContains(t, err, "larger than the file")

	// A size in the directory that no file has.
	whole := buf.Bytes()
	at := bytes.Index(whole, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(whole[at+20:], 1<<30)
	binary.LittleEndian.PutUint32(whole[at+24:], 1<<30)
	_, err = NewFile(bytes.NewReader(whole), int64(len(whole)))
	require.ErrorContains(t, err, "impossible size")
}
