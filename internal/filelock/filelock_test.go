package filelock

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestALockHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first := open(t, path)
	warning, err := Try(first)
	require.NoError(t, err)
	assert.Empty(t, warning)
	_, err = Try(open(t, path))
	assert.ErrorIs(t, err, ErrHeld)
	require.NoError(t, first.Close())
	_, err = Try(open(t, path))
	assert.NoError(t, err, "it ended with the file")
}

// What a file system without locks answers is not that somebody holds one; and an interrupted call is made again.
func TestWhereThereAreNoLocks(t *testing.T) {
	t.Cleanup(func() { flock = unix.Flock })
	path := filepath.Join(t.TempDir(), "lock")
	f := open(t, path)
	for _, answer := range []error{syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOLCK, syscall.EIO} {
		flock = func(int, int) error { return answer }
		warning, err := Try(f)
		require.NoError(t, err)
		assert.Contains(t, warning, path+" cannot be locked ("+answer.Error()+"): goes on")
	}
	answers := []error{syscall.EINTR, syscall.EINTR, nil}
	flock = func(int, int) error {
		answer := answers[0]
		answers = answers[1:]
		return answer
	}
	warning, err := Try(f)
	require.NoError(t, err)
	assert.Empty(t, warning)
	assert.Empty(t, answers)
}
