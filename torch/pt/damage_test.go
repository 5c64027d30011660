package pt

import (
	"bytes"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failing reads as far as a disk that has a bad block lets it.
type failing struct {
	data []byte
	from int64
}

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.from {
		return 0, &fs.PathError{Op: "read", Path: "x.pt", Err: syscall.EIO}
	}
	return bytes.NewReader(f.data).ReadAt(p, at)
}

// A file that cannot be read is not one that is damaged: nothing may be concluded about what it holds.
func TestDamageIsToldFromWhatCannotBeRead(t *testing.T) {
	var b bytes.Buffer
	root := NewDict()
	root.Set("x", Of(make([]float32, 4096)))
	require.NoError(t, Write(&b, root))
	data := b.Bytes()
	var damaged *DamageError
	for size := int64(1); size < int64(len(data)); size += 97 {
		_, err := NewFile(bytes.NewReader(data[:size]), size)
		assert.ErrorAs(t, err, &damaged, "cut off at %d", size)
	}
	_, err := NewFile(failing{data, 0}, int64(len(data)))
	require.ErrorIs(t, err, syscall.EIO)
	assert.NotErrorAs(t, err, &damaged)

	flipped := bytes.Clone(data)
	flipped[len(data)/2] ^= 1 // in the storage
	f, err := NewFile(bytes.NewReader(flipped), int64(len(data)))
	require.NoError(t, err)
	assert.ErrorAs(t, f.Verify(), &damaged)

	late := &switching{ReaderAt: bytes.NewReader(data)}
	f, err = NewFile(late, int64(len(data)))
	require.NoError(t, err)
	late.ReaderAt = failing{data, 0}
	err = f.Verify()
	require.ErrorIs(t, err, syscall.EIO)
	assert.NotErrorAs(t, err, &damaged)
}

type switching struct{ io.ReaderAt }
