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
		return explain(path, err)
	}
	panicked := true
	defer func() {
		if panicked { // the panic goes on; the file must not stay
			f.Close()
			os.Remove(tmp)
		}
	}()
	err = fill(f, write)
	panicked = false
	if err == nil {
		err = os.Rename(tmp, target)
	}
	if err != nil {
		return and(explain(path, err), os.Remove(tmp))
	}
	return syncDir(filepath.Dir(target))
}

// resolve follows symbolic links and refuses what a rename must not replace, such as /dev/null.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		// /dev/stdout is such a link when it is a pipe: a rename would put a file in its place.
		if _, err := os.Readlink(path); err == nil {
			return "", fmt.Errorf("%s is a link to nothing that can be replaced: choose another name", path)
		}
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
	return and(err, f.Close())
}

// explain replaces the temporary name in an operating system's error by the one the user knows.
func explain(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: path, Err: pe.Err}
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return &fs.PathError{Op: le.Op, Path: path, Err: le.Err}
	}
	return err
}

// and keeps a failure of cleaning up behind the first one, on one line.
func and(first, second error) error {
	if first == nil || second == nil {
		return errors.Join(first, second)
	}
	return fmt.Errorf("%w; then %w", first, second)
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
	return and(err, d.Close())
}

// WriteBytes is Write of a text.
func WriteBytes(path string, text []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Bare is a file error without its path and operation, for a message that has them already.
func Bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
