package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// unpacked is a file without a name, in dir, to which an archive is unpacked.
type unpacked struct {
	*os.File
	dir      string
	nameable bool // the file system gives such a file a name later on
}

// unnamed makes one in dir, or where dir is "" in the system's temporary folder.
func unnamed(dir string) (*unpacked, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	fail := func(err error) (*unpacked, error) {
		return nil, &roomError{dir, reasonOf(err), "name another directory in TMPDIR"}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fail(err)
	}
	if fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o666); err == nil {
		return &unpacked{os.NewFile(uintptr(fd), filepath.Join(dir, "(unpacked)")), dir, true}, nil
	}
	f, err := os.CreateTemp(dir, ".forger-unpacked-*")
	if err != nil {
		return fail(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(plainError(err), f.Close())
	}
	return &unpacked{f, dir, false}, nil
}

// roomError is what keeps an archive from being unpacked to a folder. Another may do.
type roomError struct {
	dir    string
	err    error
	remedy string
}

func (e *roomError) Error() string { return e.bare() + ": " + e.remedy }
func (e *roomError) Unwrap() error { return e.err }

// bare is the error without what to do.
func (e *roomError) bare() string { return fmt.Sprintf("unpacking it to %s: %v", e.dir, e.err) }

// makeRoom is what helps where a disk is full.
const makeRoom = "make room there, or unpack the archive and use folder:DIR"

func (u *unpacked) Write(p []byte) (int, error) {
	n, err := u.File.Write(p)
	if err != nil {
		err = &roomError{u.dir, reasonOf(err), makeRoom}
	}
	return n, err
}

// keptTar is where what was unpacked of an archive is kept: a name of the archive's path and of what is compared to tell
// whether it is the same still.
type keptTar struct{ name, others string } // others: a pattern for what was kept of it before

func keptAt(f *os.File, path, cache string) (k keptTar, err error) {
	if cache == "" {
		return k, nil
	}
	if path, err = filepath.Abs(path); err != nil {
		return k, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return k, err
	}
	of, is := sha256.Sum256([]byte(path)), sha256.Sum256(fmt.Append(nil, st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()))
	stem := filepath.Join(cache, "tar-"+hex.EncodeToString(of[:8])+"-")
	return keptTar{stem + hex.EncodeToString(is[:8]) + ".tar", stem + "*.tar"}, nil
}

// keep gives u its name, once every byte of it is on the disk, and removes what was kept of the archive as it was before.
func (u *unpacked) keep(k keptTar) error {
	if !u.nameable {
		return nil
	}
	if err := u.Sync(); err != nil {
		return &roomError{u.dir, reasonOf(err), makeRoom}
	}
	old, err := filepath.Glob(k.others)
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: remove it", plainError(err))
		}
	}
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", u.Fd()), unix.AT_FDCWD, k.name, unix.AT_SYMLINK_FOLLOW)
	if errors.Is(err, unix.EEXIST) { // another process was faster
		err = nil
	}
	if err != nil {
		return &roomError{u.dir, err, makeRoom}
	}
	return nil
}
