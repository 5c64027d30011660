// Package filelock keeps a file to one process at a time, where its file system has locks.
package filelock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process has the lock.
var ErrHeld = errors.New("another process holds it")

// flock is the system's; a test puts a file system without locks in its place.
var flock = unix.Flock

// Try takes the lock of an open file, which ends when the file is closed, or fails with ErrHeld. Where there are no locks,
// as on Lustre mounted without and on some NFS, there is a warning instead of a lock: that is no reason to stop.
func Try(f *os.File) (warning string, err error) {
	for {
		err = flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return "", ErrHeld
	case err != nil:
		return fmt.Sprintf("%s cannot be locked (%v): goes on: see to it that no other process writes there", f.Name(), err), nil
	}
	return "", nil
}
