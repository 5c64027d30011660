package pt

import (
	"bufio"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const benchBytes = 256 << 20

// benchData touches every page: fresh zero pages would all be one in the processor's cache.
func benchData() []byte {
	data := make([]byte, benchBytes)
	for i := range data {
		data[i] = byte(i * 7)
	}
	return data
}

// benchTree is a state dict of 64 tensors of 4 MB.
func benchTree() *Dict {
	root := NewOrderedDict()
	data := benchData()
	for i := range int64(64) {
		part := data[i*(4<<20) : (i+1)*(4<<20)]
		root.SetInt(i, &Tensor{DType: Float32, Shape: []int{1 << 10, 1 << 10}, Data: part})
	}
	return root
}

// BenchmarkWrite measures a file of 256 MB without the flush to the disk, which the disk alone decides.
func BenchmarkWrite(b *testing.B) {
	root, path := benchTree(), filepath.Join(b.TempDir(), "x.pt")
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Create(path)
		require.NoError(b, err)
		require.NoError(b, Write(f, root))
		require.NoError(b, f.Close())
	}
}

// BenchmarkWriteFile is the same with everything WriteFile does.
func BenchmarkWriteFile(b *testing.B) {
	root, path := benchTree(), filepath.Join(b.TempDir(), "x.pt")
	b.SetBytes(benchBytes)
	for b.Loop() {
		require.NoError(b, WriteFile(path, root))
	}
}

// BenchmarkRead reads every tensor of the file into one buffer.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.pt")
	require.NoError(b, WriteFile(path, benchTree()))
	dst := make([]byte, 4<<20)
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := Open(path)
		require.NoError(b, err)
		require.NoError(b, eachTensor(f.Root(), func(t *Tensor) error { return t.ReadInto(dst) }))
		require.NoError(b, f.Close())
	}
}

// BenchmarkPlainWrite is the yardstick of Write: the same bytes from memory, through a CRC, to a file.
func BenchmarkPlainWrite(b *testing.B) {
	data, path := benchData(), filepath.Join(b.TempDir(), "x")
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Create(path)
		require.NoError(b, err)
		crc32.ChecksumIEEE(data)
		_, err = f.Write(data)
		require.NoError(b, err)
		require.NoError(b, f.Close())
	}
}

// BenchmarkPlainRead is the yardstick of Read: the bytes of a file through a CRC.
func BenchmarkPlainRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x")
	require.NoError(b, os.WriteFile(path, benchData(), 0o666))
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Open(path)
		require.NoError(b, err)
		_, err = io.CopyBuffer(crc32.NewIEEE(), bufio.NewReaderSize(f, 4<<20), make([]byte, 4<<20))
		require.NoError(b, err)
		require.NoError(b, f.Close())
	}
}
