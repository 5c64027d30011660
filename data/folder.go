package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
	"unsafe"

	"forger/vision"

	"golang.org/x/sys/unix"
)

// folder is a tree of image files. They are listed when it is opened and loaded when they are read.
type folder struct {
	dir   string
	files names
	index string // the file that holds the list, "" where none is kept
	takes takes
	passed
}

func openFolder(dir string, o Options) (Dataset, error) {
	fail := func(err error) (Dataset, error) { return nil, fmt.Errorf("data: folder: %w", err) }
	info, err := os.Stat(dir)
	if err != nil {
		return fail(fmt.Errorf("%w: name a folder that exists", plainError(err)))
	}
	if !info.IsDir() {
		return fail(fmt.Errorf("%s: not a folder: name the folder the images lie in", dir))
	}
	f := &folder{dir: dir, takes: taking(o)}
	if f.index, err = indexPath(dir, o); err != nil {
		return fail(err)
	}
	l, err := f.listed(o)
	if err != nil {
		return fail(err)
	}
	f.files, f.passed = l.files, l.passed
	if f.files.n == 0 {
		return fail(fmt.Errorf("%s: no images in it (%s): name the folder they lie in", dir, f.takes.text()))
	}
	g, sum, err := f.given()
	if err != nil {
		return fail(err)
	}
	d := &imageFiles{store: f, kind: "folder", path: dir, print: l.print + sum}
	if g == nil && l.sides.n > 0 {
		if d.labelled, sum, err = f.sided(&l.sides); err != nil {
			return fail(err)
		}
		d.print += sum
	}
	if d.labelled.labels == nil {
		if d.labelled, err = assign(&f.files, "", g); err != nil {
			return fail(fmt.Errorf("%s: %w", filepath.Join(dir, labelsFile), err))
		}
	}
	return finish(d, o)
}

// given reads the labels file, if there is one, and its part of the fingerprint.
func (f *folder) given() (*given, string, error) {
	path := filepath.Join(f.dir, labelsFile)
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: make it readable", plainError(err))
	}
	g, err := parseLabels("", file)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return g, labelsPrint(file), nil
}

// sided labels the images as their sidecars do.
func (f *folder) sided(list *names) (labelled, string, error) {
	sides, used := sidecars[int]{}, map[string]bool{}
	for i, name := range list.all() {
		sides[name] = i
	}
	l, sum, err := sided(f.files.n, func(i int) (string, error) {
		name, _ := f.files.at(i)
		_, side, ok := sides.of(name)
		if !ok {
			return "", nil
		}
		used[side] = true
		path := filepath.Join(f.dir, side)
		file, err := readSmall(path, maxSidecar)
		if err != nil {
			return "", fmt.Errorf("%w: mend or remove it", plainError(err))
		}
		class, err := sideLabel(side, file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", printable(path), err)
		}
		return class, nil
	})
	for _, name := range list.all() {
		if !used[name] {
			f.passOver(name)
		}
	}
	return l, sum, err
}

// readSmall reads a file of at most so many bytes.
func readSmall(path string, most int64) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	file, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(file)) > most {
		err = fmt.Errorf("%s: more than %d bytes", path, most)
	}
	return file, err
}

func labelsPrint(file []byte) string {
	sum := sha256.Sum256(file)
	return " labels sha256:" + hex.EncodeToString(sum[:])
}

func (f *folder) list() *names { return &f.files }
func (f *folder) Close() error { return nil }

func (f *folder) file(i int) string {
	name, _ := f.files.at(i)
	if !utf8.ValidString(name) {
		name = printable(name)
	}
	return filepath.Join(f.dir, name)
}

func (f *folder) passedOver() passed { return f.passed }

func (f *folder) load(i int, s *scratch) ([]byte, error) {
	var size int64
	s.name, size = f.files.read(s.name, i)
	s.path = append(append(append(append(s.path[:0], f.dir...), '/'), s.name...), 0)
	fd, err := openPath(s.path)
	if err != nil {
		if size == unreadable && ownFault(err) {
			return nil, damaged{err}
		}
		return nil, f.stale(err)
	}
	defer unix.Close(fd) // only read from
	if size == unreadable {
		return nil, f.stale(fmt.Errorf("it can be read now: %w", errChanged))
	}
	if err := unix.Fstat(fd, &s.stat); err != nil {
		return nil, err
	}
	if s.stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, f.stale(fmt.Errorf("not a regular file any more: %w", errChanged))
	}
	if s.stat.Size != size {
		return nil, f.stale(fmt.Errorf("%d bytes, %d when it was listed: %w", s.stat.Size, size, errChanged))
	}
	if size > maxFile {
		return nil, damaged{fmt.Errorf("%d bytes: more than %d", size, int64(maxFile))}
	}
	s.loading(size)
	head := min(int(size), vision.HeadBytes) // a large file that begins like no image is not read
	if size < freely {
		head = 0
	}
	s.plain = room(s.plain, head)
	if err := f.fill(fd, s.plain); err != nil {
		return nil, err
	}
	if head > 0 {
		if err := vision.Recognize(s.plain); err != nil {
			return nil, damaged{err}
		}
	}
	s.plain = grown(s.plain, int(size))
	return s.plain, f.fill(fd, s.plain[head:])
}

// fill reads from where the file stands.
func (f *folder) fill(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Read(fd, b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return f.stale(err)
		case n == 0:
			return f.stale(fmt.Errorf("it became shorter: %w", errChanged))
		}
		b = b[max(n, 0):]
	}
	return nil
}

// openPath opens a file for reading; path ends in a zero byte. os.Open would make garbage for every image.
// O_NONBLOCK: what took the place of a file might be a pipe, which would be waited for.
func openPath(path []byte) (fd int, err error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
	here := unix.AT_FDCWD
	for {
		n, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(unsafe.SliceData(path))), flags, 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// stale removes an index that a changed folder proved wrong, so that the next start lists the folder anew.
func (f *folder) stale(err error) error {
	if f.index == "" || !errors.Is(err, errChanged) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if failed := os.Remove(f.index); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
		return fmt.Errorf("%w; its index cannot be removed: %w: remove it", err, plainError(failed))
	}
	return err
}
