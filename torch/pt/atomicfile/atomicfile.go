// Package atomicfile replaces a file as a whole: a reader sees the old contents or the new, never a part, whatever
// happens meanwhile.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write calls write with a new file beside path (".name.tmp-..."), flushes it to the disk, renames it to path and
// flushes the directory. When anything fails nothing is left behind and what was at path is as it was.
// A symbolic link at path is followed, so the file it names is replaced. The error names path.
func Write(path string, write func(io.Writer) error) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	dir, name := filepath.Split(target)
	tmp := filepath.Join(dir, "."+name+".tmp-"+rand.Text()[:10])
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := fill(f, write); err != nil {
		return errors.Join(explain(path, err), os.Remove(tmp))
	}
	if err := os.Rename(tmp, target); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(target))
}

// resolve follows symbolic links and refuses what a rename must not replace, such as /dev/null.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file: choose another name", path)
	}
	return target, nil
}

func fill(f *os.File, write func(io.Writer) error) error {
	err := write(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// explain replaces the temporary name in an operating system's error by the one the user knows.
func explain(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: path, Err: pe.Err}
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems have no such operation
	}
	return errors.Join(err, d.Close())
}
