package data

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"forger/vision"

	"golang.org/x/sys/unix"
)

// store is where image files lie: a folder or an archive. Its methods may be called from several goroutines at once.
type store interface {
	list() *names
	passedOver() passed
	// load is the contents of file i, which stay as they are until s is used again.
	load(i int, s *scratch) ([]byte, error)
	// file is the name of file i that a person finds it by.
	file(i int) string
	Close() error
}

// scratch is what one goroutine needs to load, decode and resize an image.
type scratch struct {
	packed, plain []byte
	name, path    []byte      // of a folder's file
	stat          unix.Stat_t // its
	inflater      inflater
	reader        *vision.Reader
	files, pixels int64 // taken of the allowances
}

// imageFiles is a dataset of image files, decoded when they are read.
type imageFiles struct {
	labelled
	store
	kind, path string // of the spec
	print      string
	shape      Shape
	options    vision.Options
	scratches  sync.Pool // of *scratch
	large      atomic.Pointer[scratch]
}

// FileError is a file that could not be read as an image.
type FileError struct {
	Source string // of the spec, e.g. "folder"
	File   string // its path, or "ARCHIVE: ENTRY"
	Err    error
	// Corrupt: the file is there, and its contents are no image. Otherwise it is gone, has changed or cannot be read.
	Corrupt bool
}

func (e *FileError) Error() string {
	remedy := "make it readable"
	switch {
	case e.Corrupt:
		remedy = "mend or remove the file, or allow for some with --skip-corrupt"
	case errors.Is(e.Err, fs.ErrNotExist), errors.Is(e.Err, errChanged):
		remedy = "the " + holder(e.Source) + " changed while it was read: start again when it stays as it is"
	}
	return fmt.Sprintf("data: %s: %s: %v: %s", e.Source, e.File, e.Err, remedy)
}

func (e *FileError) Unwrap() error { return e.Err }

func holder(kind string) string {
	if kind == "folder" {
		return kind
	}
	return "archive"
}

// errChanged is in the chain of errors of files that are not what they were when they were listed.
var errChanged = errors.New("not what it was when it was listed")

// damaged is what is wrong with a file's contents, as opposed to what keeps it from being read.
type damaged struct{ error }

func (e damaged) Unwrap() error { return e.error }

// finish makes a dataset of listed and labelled files.
func finish(d *imageFiles, o Options) (Dataset, error) {
	d.shape = asked(o)
	d.options = vision.Options{
		Channels: o.Channels, Background: o.Background, MaxPixels: o.MaxPixels, CropBefore: o.CropBefore, FastDecode: o.FastDecode,
	}
	d.print += pixelsPrint(o)
	d.scratches.New = func() any {
		s := new(scratch)
		options := d.options
		options.Decoding = s.decoding
		s.reader = vision.NewReader(options)
		return s
	}
	if !o.Size.IsZero() {
		return d, nil
	}
	var err error
	for i := range min(d.Len(), o.SkipCorrupt+1) { // the size of the first that is an image
		var m vision.Image
		err = d.open(i, func(r *vision.Reader, file []byte) (err error) {
			m, err = r.Decode(file)
			return err
		})
		if err == nil {
			side := min(m.Height, m.Width)
			if o.CropBefore > 0 {
				side = min(side, o.CropBefore)
			}
			d.shape.Height, d.shape.Width = side, side
			return d, nil
		}
		if corrupt(err) == nil {
			break
		}
	}
	return nil, err
}

// pixelsPrint is the part of a fingerprint that tells what options made of the files' pixels, "" where they are as usual.
func pixelsPrint(o Options) (text string) {
	if o.CropBefore > 0 {
		text += fmt.Sprintf(" crop-before %d", o.CropBefore)
	}
	if o.FastDecode {
		text += " fast-decode"
	}
	if o.Background != nil && *o.Background != [3]byte{255, 255, 255} {
		text += fmt.Sprintf(" background %x", *o.Background)
	}
	return text
}

func (d *imageFiles) Spec() string        { return d.kind + ":" + d.path }
func (d *imageFiles) Len() int            { return d.list().n }
func (d *imageFiles) Shape() Shape        { return d.shape }
func (d *imageFiles) Fingerprint() string { return d.print }

// open gives use the contents of file i and a reader for them. Its errors are about the contents.
func (d *imageFiles) open(i int, use func(r *vision.Reader, file []byte) error) error {
	err := d.attempt(i, use)
	if err == nil {
		return nil
	}
	var corrupt damaged
	return &FileError{Source: d.kind, File: d.file(i), Err: reasonOf(err), Corrupt: errors.As(err, &corrupt)}
}

// attempt is open with errors as they came. A file that makes a decoder panic is damaged too; the scratch, whose state
// nobody knows then, is not used again.
func (d *imageFiles) attempt(i int, use func(r *vision.Reader, file []byte) error) (err error) {
	s := d.take()
	defer func() {
		s.done()
		if v := recover(); v != nil {
			err = damaged{panicked(v)}
			return
		}
		d.putBack(s)
	}()
	file, err := d.load(i, s)
	if err != nil {
		return err
	}
	if len(file) == 0 {
		return damaged{errors.New("the file is empty")}
	}
	if err := use(s.reader, file); err != nil {
		return damaged{err}
	}
	return nil
}

// reasonOf is a file error without the path, which FileError has.
func reasonOf(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (d *imageFiles) Read(_, i int, dst []byte) error {
	return d.open(i, func(r *vision.Reader, file []byte) error { return r.Fit(dst, file, d.shape.Size()) })
}

// grown is b with n bytes, the first of which are its own.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		b = append(make([]byte, 0, n), b...)
	}
	return b[:n]
}

// room is b with n bytes, reallocated where it is smaller.
func room(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
