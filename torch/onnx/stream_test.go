package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"forger/torch/pt"
)

// Elements are asked for once, in order, when all before them but a small buffer has been written; nothing is held.
func TestElementsAreStreamed(t *testing.T) {
	const tensors, size = 64, 4 << 20
	shared := make([]byte, size)
	var n counter
	asked := 0
	m := &Model{Name: "large", Outputs: []Value{{Name: "0", Type: pt.Float32, Dims: []Dim{{Size: size / 4}}}}}
	for i := range tensors {
		bytes := func() ([]byte, error) {
			assert.Equal(t, i, asked)
			asked++
			assert.GreaterOrEqual(t, int64(n), int64(i)*size-128<<10, "what came before is not held back")
			return shared, nil
		}
		m.Initializers = append(m.Initializers, Tensor{fmt.Sprint(i), pt.Float32, []int{size / 4}, bytes})
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, Write(&n, m))
	runtime.ReadMemStats(&after)
	assert.Equal(t, tensors, asked)
	assert.Greater(t, int64(n), int64(tensors*size))
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes allocated for a model of 256 MB")
}

// BenchmarkWrite measures a file of 256 MB without the flush to the disk, as torch/pt's does; its yardstick is that
// package's BenchmarkPlainWrite.
func BenchmarkWrite(b *testing.B) {
	data := make([]byte, 256<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	m := &Model{Name: "large", Outputs: []Value{{Name: "0", Type: pt.Uint8, Dims: []Dim{{Size: 4 << 20}}}}}
	for i := range 64 {
		part := &pt.Tensor{DType: pt.Uint8, Shape: []int{4 << 20}, Data: data[i*(4<<20) : (i+1)*(4<<20)]}
		m.Initializers = append(m.Initializers, FromPT(fmt.Sprint(i), part))
	}
	path := filepath.Join(b.TempDir(), "x.onnx")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := os.Create(path)
		require.NoError(b, err)
		require.NoError(b, Write(f, m))
		require.NoError(b, f.Close())
	}
}
