package data

import (
	"bytes"
	"encoding/binary"
	"io"
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
	shape, values, err := ReadNPY(path)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 3}, shape)
	assert.Equal(t, []float32{1, 2, 3, 4, 5, 6.5}, values)
	for want, file := range map[string]string{
		"not a NumPy file":          "hello world",
		"elements of type":          string(npyHeader("<f8", []int{1})) + "12345678",
		"the file is short: 3 of 4": string(npyHeader("<f4", []int{1})) + "123",
		"too large":                 string(npyHeader("<f4", []int{1 << 30, 1 << 30})),
	} {
		_, _, err := parseNPY(strings.NewReader(file))
		assert.ErrorContains(t, err, want)
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(append(npyHeader("<f4", []int{2, 1}), 0, 0, 0, 0, 1, 1, 1, 1))
	f.Add(npyHeader("<f4", []int{1 << 40}))
	f.Add([]byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4'}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		shape, values, err := parseNPY(bytes.NewReader(file))
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
