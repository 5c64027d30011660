package data

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadNPY(t *testing.T) {
	path := filepath.Join(t.TempDir(), "z.npy")
	require.NoError(t, WriteNPY(path, "<f4", []int{2, 3}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, []float32{1, 2, 3, 4, 5, 6.5})
	}))
	shape, values, err := ReadNPY[float32](path)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 3}, shape)
	assert.Equal(t, []float32{1, 2, 3, 4, 5, 6.5}, values)
	for want, file := range map[string]string{
		"not a NumPy file":          "hello world",
		"elements of type":          string(npyHeader("<f8", []int{1})) + "12345678",
		"the file is short: 3 of 4": string(npyHeader("<f4", []int{1})) + "123",
		"too large":                 string(npyHeader("<f4", []int{1 << 30, 1 << 30})),
	} {
		_, _, err := parseNPY[float32](strings.NewReader(file))
		assert.ErrorContains(t, err, want)
	}
}

func TestReadNPYOfFloat64(t *testing.T) {
	shape, values, err := ReadNPY[float64](golden("points64"))
	require.NoError(t, err)
	assert.Equal(t, []int{5, 2}, shape)
	assert.Equal(t, []float64{.1, -2.5, 1e-40, 3e38, 1. / 3, math.Copysign(0, -1), 7, 8, 9, 1e10}, values)
	_, _, err = ReadNPY[float64](golden("points"))
	assert.ErrorContains(t, err, `points.npy: elements of type "<f4", want "<f8" (float64): convert with .astype(numpy.float64)`)
}

// FuzzNPZ reads any bytes as statistics: no panic, no more memory than the file justifies.
func FuzzNPZ(f *testing.F) {
	addFiles(f, "npz/*.npz")
	f.Fuzz(func(t *testing.T, file []byte) {
		took := allocated(func() {
			arrays, err := parseNPZ(bytes.NewReader(file), int64(len(file)), []string{"mu", "sigma"})
			if err == nil {
				require.Len(t, arrays, 2)
			}
		})
		require.Less(t, took, uint64(8*(64<<20+4*len(file))))
	})
}

func FuzzNPY(f *testing.F) {
	f.Add(append(npyHeader("<f4", []int{2, 1}), 0, 0, 0, 0, 1, 1, 1, 1))
	f.Add(npyHeader("<f4", []int{1 << 40}))
	f.Add([]byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4'}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		shape, values, err := parseNPY[float32](bytes.NewReader(file))
		if err != nil {
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		require.Len(t, values, n)
	})
}
