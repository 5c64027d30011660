package pt

import (
	"errors"
	"io/fs"
	"syscall"
)

// DamageError says that a file's contents are not what torch.save wrote. What kept the file from being read (no permission,
// an input error, too many open files) is another error: the file may be whole.
type DamageError struct{ err error }

func (e *DamageError) Error() string { return e.err.Error() }
func (e *DamageError) Unwrap() error { return e.err }

// damage tells what is wrong with a file's contents from what kept them from being read.
func damage(err error) error {
	var path *fs.PathError
	var number syscall.Errno
	if err == nil || errors.As(err, &path) || errors.As(err, &number) {
		return err
	}
	return &DamageError{err}
}
