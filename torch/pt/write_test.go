package pt

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func written(t *testing.T, root any) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, Write(&buf, root))
	return buf.Bytes()
}

func reread(t *testing.T, root any) any {
	t.Helper()
	data := written(t, root)
	f, err := NewFile(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	require.NoError(t, f.Verify())
	return f.Root()
}

// The layout is the one REFERENCE describes: stored entries in torch.save's order, every payload aligned, no surprises.
func TestLayout(t *testing.T) {
	root := NewOrderedDict()
	for _, name := range []string{"a", "b", "ccc"} {
		root.Set(name, Of([]int8{1, 2, 3}))
	}
	data := written(t, root)
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		off, err := f.DataOffset()
		require.NoError(t, err)
		assert.Zero(t, off%64, f.Name)
		assert.Equal(t, zip.Store, f.Method)
		assert.Zero(t, f.Flags&8, "%s: a data descriptor", f.Name)
		assert.Equal(t, f.CRC32, le.Uint32(data[bytes.LastIndex(data[:off], []byte("PK\x03\x04"))+14:]), f.Name)
	}
	assert.Equal(t, []string{"archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/data/1", "archive/data/2", "archive/version"}, names)
	assert.Equal(t, data, written(t, root), "the same values make the same bytes")
}

func TestScalarsRoundTrip(t *testing.T) {
	root := Tuple{
		int64(0), int64(255), int64(256), int64(65535), int64(65536), int64(-1), int64(math.MaxInt32), int64(math.MinInt32),
		int64(math.MaxInt32 + 1), int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64), true, false, nil, -0.5,
		math.Inf(1), math.SmallestNonzeroFloat64, "", "ü", Float8E5M2, []any{}, Tuple{}, []any{Tuple{[]any{int64(1)}}},
	}
	assert.Equal(t, root, reread(t, root))
	assert.Equal(t, int64(7), reread(t, 7))
	assert.Equal(t, int64(7), reread(t, uint64(7)))
}

// One storage for tensors over the same memory, two for equal values in different memory.
func TestSharedStorages(t *testing.T) {
	a := Of([]float32{1, 2})
	root := []any{a, a, &Tensor{DType: Float32, Shape: []int{2, 1}, Data: a.Data}, Of([]float32{1, 2})}
	data := written(t, root)
	f, err := NewFile(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	assert.Len(t, f.storages, 2)
	for _, v := range f.Root().([]any) {
		values, err := Values[float32](v.(*Tensor))
		require.NoError(t, err)
		assert.Equal(t, []float32{1, 2}, values)
	}
	assert.Equal(t, data, written(t, f.Root()), "sharing survives reading")

	path := filepath.Join(t.TempDir(), "shared.pt")
	require.NoError(t, WriteFile(path, root))
	loaded, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, data, written(t, loaded), "sharing survives loading")
}

func TestZip64RoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zip64.pt")
	root := []any{Of(make([]int64, 100)), Of([]float32{3})}
	writeZip64(t, path, root)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(whole), "PK\x06\x06", "the zip64 end of central directory")
	got, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, root, got)
}

func TestRefusesToWrite(t *testing.T) {
	self := NewDict()
	self.Set("self", self)
	state := NewDict()
	state.SetInt(3, Tuple{nil, &Tensor{DType: Float32, Shape: []int{2}, Data: make([]byte, 4)}})
	for want, root := range map[string]any{
		"nested more than 200 deep":                  self,
		"3.1: float32 [2] takes 8 bytes, Data has 4": state,
		"has no dtype":                               &Tensor{Shape: []int{1}, Data: make([]byte, 1)},
		"negative dimension":                         &Tensor{DType: Int8, Shape: []int{-1}},
		"is too large":                               &Tensor{DType: Int64, Shape: []int{math.MaxInt, 2}},
		"a float32 has no place":                     float32(1),
		`the string "\xff"`:                          "\xff",
		"nil *Tensor":                                (*Tensor)(nil),
		"nil *Dict":                                  (*Dict)(nil),
		"DType(0) is no dtype":                       DType(0),
		"0: a map[string]int has no":                 []any{map[string]int{}},
	} {
		err := Write(io.Discard, root)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "pt: write: ")
		path := filepath.Join(t.TempDir(), "x.pt")
		require.ErrorContains(t, WriteFile(path, root), "pt: write "+path)
		left, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		assert.Empty(t, left, want)
	}
}

// fullDisk fails after n bytes.
type fullDisk struct{ n int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.n -= len(p); d.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteReportsAFullDisk(t *testing.T) {
	root := []any{Of(make([]int64, 50_000)), Of(make([]int64, 50_000))}
	size := len(written(t, root))
	for _, n := range []int{0, 100, size / 2, size - 1} {
		require.ErrorIs(t, Write(&fullDisk{n}, root), errFull, n)
	}
	require.NoError(t, Write(&fullDisk{size}, root))
}

// Writing and reading a large tensor takes no second copy of it.
func TestNoSecondCopy(t *testing.T) {
	const size = 64 << 20
	root := &Tensor{DType: Uint8, Shape: []int{size}, Data: make([]byte, size)}
	path := filepath.Join(t.TempDir(), "large.pt")
	assert.Less(t, allocated(t, func() { require.NoError(t, WriteFile(path, root)) }), uint64(1<<20))
	f, err := Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	assert.Less(t, allocated(t, func() { require.NoError(t, f.Root().(*Tensor).ReadInto(root.Data)) }), uint64(1<<20))
	assert.Less(t, allocated(t, func() { require.NoError(t, f.Verify()) }), uint64(2<<20))
}

func allocated(t *testing.T, f func()) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestReadAfterClose(t *testing.T) {
	f, err := Open(testFile("net.pt"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	weight, err := At[*Tensor](f.Root(), "conv.weight")
	require.NoError(t, err)
	_, err = weight.Bytes()
	require.ErrorContains(t, err, "file already closed")
	require.ErrorContains(t, weight.ReadInto(make([]byte, 3)), "the buffer has 3")
	require.True(t, strings.HasPrefix(f.Verify().Error(), "pt: verify: data/0: "))
}
