package data

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// allocated is how many bytes f allocates. Fuzzing runs one input at a time in a process.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// files whose seeds are those of the real tools.
func addFiles(f *testing.F, patterns ...string) {
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join("testdata", pattern))
		require.NoError(f, err)
		require.NotEmpty(f, paths)
		for _, path := range paths {
			file, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(file)
		}
	}
}

// listing bounds what opening an archive may allocate: an entry takes some hundred bytes in memory and at least 76 in a
// file, a deflated stream unpacks to deflateMost times its size, and readers have buffers of fixed size.
const (
	listingFixed = 4 << 20
	listingTimes = 64
)

// openBytes opens file as a source and loads what it lists; entries are not decoded, which is vision's to withstand.
func openBytes(t *testing.T, path, kind string, file []byte, streamed bool) {
	require.NoError(t, os.WriteFile(path, file, 0o600))
	var ds Dataset
	var err error
	limit := uint64(listingFixed + listingTimes*len(file))
	if streamed {
		limit += uint64(deflateMost*len(file) + max(zstdWindowLeast, zstdWindowTimes*len(file)))
	}
	used := allocated(func() { ds, err = Open(kind+":"+path, Options{Size: square(8)}) })
	require.LessOrEqual(t, used, limit, "bytes to list %d", len(file))
	if err != nil {
		require.NotContains(t, err.Error(), "\n")
		return
	}
	images := ds.(*imageFiles)
	s := new(scratch)
	used = allocated(func() {
		for i := range images.Len() {
			file, err := images.load(i, s)
			s.done()
			_, size := images.list().at(i)
			require.NotEmpty(t, images.file(i))
			if err == nil {
				require.Len(t, file, int(size))
			}
		}
	})
	require.LessOrEqual(t, used, uint64(listingFixed+4*deflateMost*len(file)), "bytes to load %d", len(file))
	require.NoError(t, ds.Close())
}

func FuzzTar(f *testing.F) {
	addFiles(f, "*.tgz", "*.zst")
	small := tarOf(f, entry{"a/1.png", picture(f, 1), 0}, entry{"labels.csv", []byte("a/1.png,x\n"), 0})
	f.Add(small)
	f.Add(small[:700])
	f.Add(tarOf(f, entry{"../1.png", nil, '2'}))
	f.Add(tarOf(f, entry{"1.png", picture(f, 1), 0}, entry{"1.png", nil, 0}, entry{"1.cls", []byte("x"), 0}))
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, file []byte) {
		compression, err := compressionOf(bytes.NewReader(file))
		openBytes(t, path, "tar", file, err == nil && compression != nil)
	})
}

func FuzzZip(f *testing.F) {
	addFiles(f, "*.zip")
	small := zipOf(f, entry{"a/1.png", picture(f, 1), 0}, entry{"b/2.png", picture(f, 2), 0}, entry{"labels.csv", []byte("a/1.png,x\n"), 0})
	f.Add(small)
	f.Add(small[:len(small)-20])
	f.Add(zipOf(f, entry{"../1.png", nil, 0}))
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, file []byte) { openBytes(t, path, "zip", file, false) })
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifarFile(8, 1), int64(cifarRecord))
	f.Add(cifarFile(8, 1)[:9], int64(cifarRecord))
	f.Add([]byte{}, int64(0))
	f.Add([]byte{11}, int64(-3073))
	f.Fuzz(func(t *testing.T, file []byte, size int64) {
		for _, size := range []int64{size, int64(len(file))} {
			records, err := readCIFAR(nil, bytes.NewReader(file), size)
			if err != nil {
				continue
			}
			require.Len(t, records, int(size))
			require.LessOrEqual(t, size, int64(len(file)))
		}
	})
}

// FuzzNPYFile opens file as a source, with labels beside it.
func FuzzNPYFile(f *testing.F) {
	for _, name := range []string{"points", "points64", "gray", "rgb", "planes", "fortran", "big", "integers", "rgb.labels"} {
		file, err := os.ReadFile(golden(name))
		require.NoError(f, err)
		f.Add(file, []byte(nil))
	}
	f.Add(append(npyHeader("|u1", []int{1, 1, 1 << 16}), make([]byte, 1<<16)...), append(npyHeader("<i8", []int{1}), 9, 0, 0, 0, 0, 0, 0, 0))
	f.Add(npyHeader("<f4", []int{1 << 31, 1 << 31}), npyHeader("<i8", []int{1 << 40}))
	f.Add([]byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4'}"), []byte("\x93NUMPY\x01\x00\xff\xff"))
	path := filepath.Join(f.TempDir(), "x.npy")
	f.Fuzz(func(t *testing.T, file, labels []byte) {
		require.NoError(t, os.WriteFile(path, file, 0o600))
		require.NoError(t, os.WriteFile(labelsBeside(path), labels, 0o600))
		if len(labels) == 0 {
			require.NoError(t, os.Remove(labelsBeside(path)))
		}
		var ds Dataset
		var err error
		used := allocated(func() { ds, err = Open("npy:"+path, Options{}) })
		require.LessOrEqual(t, used, uint64(listingFixed+listingTimes*len(file)+npyNames))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		used = allocated(func() {
			dst := make([]byte, ds.Shape().Bytes())
			for i := range ds.Len() {
				require.NoError(t, ds.Read(0, i, dst))
				require.GreaterOrEqual(t, ds.Label(i), -1)
				require.Less(t, ds.Label(i), max(1, len(ds.Classes())))
			}
		})
		require.LessOrEqual(t, used, uint64(listingFixed+listingTimes*len(file)+1024*ds.Len()))
		require.NoError(t, ds.Close())
	})
}

// npyNames bounds the names of classes, which are as many as the largest label says.
const npyNames = 64 * (maxNPYLabel + 1)

func FuzzLabels(f *testing.F) {
	f.Add([]byte("path,label\na/1.png,x\n"))
	f.Add([]byte("\xef\xbb\xbfa/1.png,\"x\ny\"\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		g, err := parseLabels("", file)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for name, l := range g.lines {
			require.NotEmpty(t, name)
			require.NotEmpty(t, l.label)
		}
	})
}

func FuzzNames(f *testing.F) {
	var l folderList
	l.files.add("a/1.png", 99)
	l.files.add("a/2.png", 98)
	f.Add(l.files.n, l.files.blob)
	f.Add(1<<40, []byte{0, 1, 'a', 0})
	f.Fuzz(func(t *testing.T, n int, blob []byte) {
		list, err := parseNames(n, blob)
		if err != nil || n <= 0 {
			return
		}
		last := ""
		for _, name := range list.all() {
			last = name
		}
		name, _ := list.at(n - 1)
		require.Equal(t, last, name)
	})
}

// FuzzFolderIndex takes an index without its magic and its checksum, which would keep all else out.
func FuzzFolderIndex(f *testing.F) {
	l := folderList{dirs: []dirStamp{{".", 7}, {"a", -1}}, print: "folder"}
	l.files.add("a/1.png", 99)
	l.files.add("a/2.png", 98)
	whole := l.encode()
	f.Add(whole[len(indexMagic) : len(whole)-sha256.Size])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0, 0x90, 0x4e, 3, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		file := append([]byte(indexMagic), body...)
		sum := sha256.Sum256(file)
		file = append(file, sum[:]...)
		var l *folderList
		var err error
		used := allocated(func() { l, err = decodeList(file) })
		require.LessOrEqual(t, used, uint64(listingFixed+listingTimes*len(file)))
		if err != nil {
			return
		}
		again, err := decodeList(l.encode())
		require.NoError(t, err)
		require.Equal(t, l, again)
	})
}
