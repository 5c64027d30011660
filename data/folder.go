package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// folder is a tree of image files. They are listed when it is opened and loaded when they are read.
type folder struct {
	dir   string
	files names
	index string // the file that holds the list, "" where none is kept
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
	f := &folder{dir: dir}
	if f.index, err = indexPath(dir, o.CacheDir); err != nil {
		return fail(err)
	}
	l, err := f.listed(o)
	if err != nil {
		return fail(err)
	}
	f.files = l.files
	if f.files.n == 0 {
		return fail(fmt.Errorf("%s: no images in it (%s): name the folder they lie in", dir, endingsText()))
	}
	g, sum, err := f.given()
	if err != nil {
		return fail(err)
	}
	d := &imageFiles{store: f, kind: "folder", path: dir, print: l.print + sum}
	if d.labelled, err = assign(&f.files, "", g); err != nil {
		return fail(fmt.Errorf("%s: %w", filepath.Join(dir, labelsFile), err))
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

func labelsPrint(file []byte) string {
	sum := sha256.Sum256(file)
	return " labels sha256:" + hex.EncodeToString(sum[:])
}

// walk finds the files, in an order that does not depend on the file system. Links to files are followed, links to
// folders are not, since they may lead in circles. Hidden names are passed over.
func (f *folder) walk() (*folderList, error) {
	l := &folderList{began: clock()}
	sum := sha256.New()
	root := os.DirFS(f.dir)
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return plainError(err)
		}
		if path != "." && strings.HasPrefix(e.Name(), ".") {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return l.addDir(f.dir, path)
		}
		if !isImage(path) {
			return nil
		}
		info, err := e.Info()
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			info, err = fs.Stat(root, path)
		}
		if err != nil {
			return plainError(err)
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		l.files.add(path, info.Size())
		fmt.Fprintf(sum, "%s\x00%d\n", path, info.Size())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: make it readable", f.dir, err)
	}
	l.print = "folder sha256:" + hex.EncodeToString(sum.Sum(nil))
	return l, nil
}

func (f *folder) list() *names { return &f.files }
func (f *folder) Close() error { return nil }

func (f *folder) file(i int) string {
	name, _ := f.files.at(i)
	return filepath.Join(f.dir, name)
}

func (f *folder) load(i int, s *scratch) ([]byte, error) {
	var size int64
	s.name, size = f.files.read(s.name, i)
	s.path = append(append(append(append(s.path[:0], f.dir...), '/'), s.name...), 0)
	fd, err := openPath(s.path)
	if err != nil {
		return nil, f.stale(err)
	}
	defer unix.Close(fd) // only read from
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
	s.plain = room(s.plain, int(size))
	for at := 0; at < len(s.plain); {
		n, err := unix.Read(fd, s.plain[at:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, f.stale(err)
		case n == 0:
			return nil, f.stale(fmt.Errorf("it became shorter: %w", errChanged))
		}
		at += max(n, 0)
	}
	return s.plain, nil
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
