package data

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aged sets the file's time back, so that a change shows whatever the resolution of the file system's clock.
func aged(t *testing.T, path string) string {
	t.Helper()
	require.NoError(t, os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)))
	return path
}

func TestAFileThatIsCutWhileInUse(t *testing.T) {
	path := pack(t, newMade())
	p := openPack(t, path)
	read(t, p, 0, 0)
	read(t, p, 0, 50)
	require.NoError(t, os.Truncate(path, p.at+40*12288))
	dst := make([]byte, 12288)
	err := p.Read(0, 50, dst) // its block was checked before
	require.ErrorIs(t, err, errFault)
	assert.ErrorContains(t, err, path+": image 50: it cannot be read: the file was cut while in use")
	err = p.Read(0, 99, dst) // a block not touched before
	require.ErrorIs(t, err, errFault)
	assert.ErrorContains(t, err, path+": block 4 (images 84 to 99): ")
	assert.NotContains(t, err.Error(), "\n")
	assert.ErrorIs(t, p.Read(0, 0, dst), errAltered, "also what is left is no longer trusted")
}

// Bytes past the end within the last page read as zeros, and a file that is written over as what is there now: neither
// faults, and both would be wrong images.
func TestAFileThatChangesWhileInUse(t *testing.T) {
	small := newMade()
	small.shape = Shape{Height: 4, Width: 4, Channels: 1}
	path := pack(t, small)
	p := openPack(t, path)
	read(t, p, 0, 99)
	require.NoError(t, os.Truncate(path, p.size()-8))
	err := p.Read(0, 99, make([]byte, 16))
	require.ErrorIs(t, err, errAltered)
	assert.ErrorContains(t, err, path+": image 99: the file changed while it was read (")

	path = aged(t, pack(t, small))
	q := openPack(t, path)
	read(t, q, 0, 3)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 16), q.at+3*16)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.ErrorIs(t, q.Read(0, 3, make([]byte, 16)), errAltered)
}

func TestAFileThatIsReplacedOrRemovedIsReadOn(t *testing.T) {
	ds := newMade()
	path := pack(t, ds)
	p := openPack(t, path)
	other := newMade()
	other.name, other.n = "other", 7
	_, err := Pack(t.Context(), other, path, PackOptions{})
	require.NoError(t, err)
	sameImages(t, ds, p)
	again := openPack(t, path)
	assert.Equal(t, 7, again.Len())
	assert.NotEqual(t, p.Fingerprint(), again.Fingerprint())
	require.NoError(t, os.Remove(path))
	sameImages(t, other, again)
}
