package tfevents

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The checksum of TensorFlow's own test of it (tensorflow/core/lib/hash, crc32c of 32 zeros) is masked as there.
func TestChecksumsAreMasked(t *testing.T) {
	crc := uint32(0x8a9136aa)
	assert.Equal(t, (crc>>15|crc<<17)+0xa282ead8, masked(make([]byte, 32)))
	r := record([]byte("abc"))
	assert.Len(t, r, 19)
	assert.Equal(t, uint64(3), binary.LittleEndian.Uint64(r))
	assert.Equal(t, masked(r[:8]), binary.LittleEndian.Uint32(r[8:]))
	assert.Equal(t, masked([]byte("abc")), binary.LittleEndian.Uint32(r[15:]))
}

// Files of one second, or of a clock that was set back, still have names in the order they were begun in.
func TestALaterFileHasALaterName(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "events.out.tfevents.5000000000.host.1.0"), nil, 0o644))
	for range 2 {
		w, err := Create(dir, 0)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	assert.Contains(t, files[1], ".5000000001.")
	assert.Contains(t, files[2], ".5000000002.")
}

// A full disk is told of, with what can be done.
func TestAFullDiskIsToldOf(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	assert.ErrorContains(t, (&Writer{f}).Scalars(1, Scalar{"a", 1}), "no space left on device: free some space, or leave it out with --tensorboard=false")
}
