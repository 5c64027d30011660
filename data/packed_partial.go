package data

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forger/internal/filelock"

	"golang.org/x/sys/unix"
)

// partial is a packed file that is being written, beside the place where it will lie.
type partial struct {
	*os.File
	name    string // path, with .partial
	target  string
	warning string // that other processes are not kept away; "": they are
}

// openPartial begins the unfinished file of path, or takes up one that was left there. Then h holds the checksums that
// are in it, which are still to be compared.
func openPartial(path string, h *packedHead) (*partial, error) {
	target, err := packTarget(path)
	if err != nil {
		return nil, err
	}
	name := target + ".partial"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%w: choose a file that can be written", plainError(err))
	}
	p := &partial{File: f, name: name, target: target}
	if err = p.hold(); err == nil {
		err = p.takeUp(h)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, plainReason(err)), f.Close())
	}
	return p, nil
}

// packTarget follows symbolic links and refuses what a rename must not replace.
func packTarget(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", plainError(err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", plainError(err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: not a regular file: choose another name", path)
	}
	return target, nil
}

// hold keeps other processes away. Between the opening and the locking another one may have finished: then what is
// open here is no longer the unfinished file.
func (p *partial) hold() (err error) {
	if p.warning, err = filelock.Try(p.File); err != nil {
		return errors.New("another process is packing into it: wait for it, or choose another name")
	}
	mine, err := p.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(p.name)
	if err != nil || !os.SameFile(mine, named) {
		return errors.New("another process has just finished it: look at what it wrote, or run this again")
	}
	return nil
}

// takeUp compares the head with the one that is wanted, and reads the checksums.
func (p *partial) takeUp(h *packedHead) error {
	h.partial = true
	info, err := p.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 0 {
		old, err := readPackedHead(p, info.Size())
		if err != nil {
			return fmt.Errorf("it cannot be gone on with: %w: remove it, or choose another name", err)
		}
		as := h
		if h.standIns && old.meta.Fingerprint == h.plain.meta.Fingerprint {
			as = h.plain // it ended at a corrupt file: what it holds are the images that were listed
		}
		if err := as.same(old); err != nil {
			return fmt.Errorf("an unfinished file %w: remove it, or choose another name", err)
		}
		if !as.standIns && as.at == h.at { // which of its images stand in for others an unfinished file does not tell
			h.sums = old.sums
		}
		if as == h && !h.standIns {
			return nil
		}
		_, err = p.WriteAt(h.encode(), 0)
		return err
	}
	if _, err := p.WriteAt(h.encode(), 0); err != nil {
		return errors.Join(err, os.Remove(p.name))
	}
	return nil
}

// same says what two files, of which the blocks are yet to be written, differ in.
func (h *packedHead) same(old *packedHead) error {
	a, b := old.meta, h.meta
	switch {
	case a.Spec != b.Spec:
		return fmt.Errorf("of %s, asked for is %s", a.Spec, b.Spec)
	case old.shape != h.shape:
		return fmt.Errorf("of %dx%dx%d images, asked for are %dx%dx%d", old.shape.Height, old.shape.Width, old.shape.Channels,
			h.shape.Height, h.shape.Width, h.shape.Channels)
	case a.Fingerprint != b.Fingerprint:
		return fmt.Errorf("of %s as it was before it changed, or with other options", a.Spec)
	case a.Decoder != b.Decoder:
		return fmt.Errorf("by the decoder %q, here it is %q", a.Decoder, b.Decoder)
	}
	x, y := *old, *h
	x.sums, y.sums = make([]uint32, old.blocks()), make([]uint32, h.blocks())
	x.partial, y.partial = true, true
	if x.at != y.at || !bytes.Equal(x.encode(), y.encode()) {
		return errors.New("with other labels or another layout")
	}
	return nil
}

// finish writes the head that readers accept, and moves the file to its place.
func (p *partial) finish(h *packedHead) error {
	h.partial = false
	head := h.encode()
	h.print = packedPrint(head)
	if _, err := p.WriteAt(head, 0); err != nil {
		return err
	}
	if err := p.Truncate(h.size()); err != nil { // what was taken up may have been longer
		return err
	}
	if err := p.Sync(); err != nil {
		return err
	}
	if err := os.Rename(p.name, p.target); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(p.target))
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems have no such operation
	}
	return errors.Join(err, dir.Close())
}

// plainReason is what an operating system's error says, without the name of a file.
func plainReason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
