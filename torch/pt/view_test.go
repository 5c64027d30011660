package pt

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting is a storage of float32 0, 1, 2 ...
func counting(n int) *storage {
	data := make([]byte, 0, 4*n)
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)))
	}
	e := &entry{name: "data/0", size: int64(len(data)), crc: crc32.ChecksumIEEE(data)}
	return &storage{entry: e, r: bytes.NewReader(data), dtype: Float32}
}

// Views larger than a chunk, of every arrangement that reading treats differently, against plain index arithmetic.
func TestGathersLargeViews(t *testing.T) {
	const n = 3 << 19 // 6 MB
	s := counting(n)
	for name, v := range map[string]struct {
		off     int64
		shape   []int
		strides []int64
	}{
		"whole":             {0, []int{n}, []int64{1}},
		"part":              {5, []int{1 << 19, 2}, []int64{2, 1}},
		"transposed":        {0, []int{1024, 1536}, []int64{1, 1024}},
		"channels last":     {0, []int{24, 64, 32, 32}, []int64{64 * 32 * 32, 1, 32 * 64, 64}},
		"one image":         {0, []int{1, 64, 128, 192}, []int64{0, 1, 192 * 64, 64}},
		"rows over a chunk": {0, []int{3, 256, 2048}, []int64{1 << 19, 1, 256}},
		"every third":       {1, []int{1 << 19}, []int64{3}},
		"one a chunk":       {7, []int{5}, []int64{300000}},
		"expanded":          {9, []int{300, 1000, 2}, []int64{0, 1, 0}},
		"groups with rest":  {3, []int{1000, 7, 3}, []int64{1500, 3, 20}},
		"gap inside":        {0, []int{2, 3, 5}, []int64{700000, 100, 2}},
	} {
		tensor, err := newView(s, Float32, v.off, v.shape, v.strides)
		require.NoError(t, err, name)
		got, err := Values[float32](tensor)
		require.NoError(t, err, name)
		assert.Equal(t, naive(v.off, v.shape, v.strides), got, name)
	}
}

// A convolution's weights in channels_last take one chunk beside the destination.
func TestGatherTakesOneChunk(t *testing.T) {
	const n = 3 << 20
	tensor, err := newView(counting(n), Float32, 0, []int{48, 64, 32, 32}, []int64{64 * 32 * 32, 1, 32 * 64, 64})
	require.NoError(t, err)
	dst := make([]byte, 4*n)
	assert.Less(t, allocated(t, func() { require.NoError(t, tensor.ReadInto(dst)) }), uint64(2*chunk+chunk/4))
}

func naive(off int64, shape []int, strides []int64) []float32 {
	if len(shape) == 0 {
		return []float32{float32(off)}
	}
	var out []float32
	for i := range shape[0] {
		out = append(out, naive(off+int64(i)*strides[0], shape[1:], strides[1:])...)
	}
	return out
}

func TestViewBounds(t *testing.T) {
	s := counting(12)
	for name, v := range map[string]struct {
		off     int64
		shape   []int
		strides []int64
	}{
		"one too many":      {0, []int{13}, []int64{1}},
		"offset":            {12, []int{1}, []int64{1}},
		"far offset":        {13, []int{0}, []int64{1}},
		"negative offset":   {-1, []int{1}, []int64{1}},
		"negative stride":   {5, []int{2}, []int64{-1}},
		"negative size":     {0, []int{-1}, []int64{1}},
		"both together":     {0, []int{4, 4}, []int64{3, 1}},
		"stride overflow":   {0, []int{3, 3}, []int64{math.MaxInt64, math.MaxInt64}},
		"size overflow":     {0, []int{math.MaxInt, math.MaxInt}, []int64{0, 0}},
		"overflow and zero": {0, []int{math.MaxInt, math.MaxInt, 0}, []int64{0, 0, 0}},
		"product of 2^64":   {0, []int{1 << 32, 1 << 32}, []int64{0, 0}},
	} {
		_, err := newView(s, Float32, v.off, v.shape, v.strides)
		assert.Error(t, err, name)
	}
	for name, v := range map[string]struct {
		off     int64
		shape   []int
		strides []int64
	}{
		"last element":          {11, []int{1}, []int64{100}},
		"empty at the end":      {12, []int{0, 3}, []int64{math.MaxInt64, 5}},
		"no dimensions":         {11, []int{}, []int64{}},
		"last row and column":   {0, []int{3, 4}, []int64{4, 1}},
		"stride of a size of 1": {0, []int{1, 12}, []int64{math.MaxInt64, 1}},
	} {
		tensor, err := newView(s, Float32, v.off, v.shape, v.strides)
		require.NoError(t, err, name)
		_, err = tensor.Bytes()
		assert.NoError(t, err, name)
	}
}

// Damage is found by whole reads, by views, and by Verify, and named.
func TestDamagedStorage(t *testing.T) {
	for _, shape := range [][]int{{12}, {3}, {2, 3}} {
		s := counting(12)
		s.crc++
		strides := []int64{2, 3}[:len(shape)]
		if len(shape) == 1 {
			strides[0] = 1
		}
		tensor, err := newView(s, Float32, 0, shape, strides)
		require.NoError(t, err)
		_, err = tensor.Bytes()
		require.ErrorContains(t, err, "pt: read data/0: the checksum does not match")
	}
	s := counting(12)
	s.crc++
	require.ErrorContains(t, (&File{storages: []*storage{s}}).Verify(), "pt: verify: data/0: the checksum")
}
