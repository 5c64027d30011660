package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"forger/vision"
)

// npyFile is a NumPy array whose first axis counts points or images. They are read from the file when they are asked
// for: what they take of memory is the system's cache of files, which it gives up when it needs to.
type npyFile struct {
	labelled
	path  string
	in    *os.File
	stamp fileStamp // of in, compared at every read
	head  npyHead
	form  npyForm
	own   Shape // of the elements in the file
	bytes int64 // of one there
	shape Shape
	print string
	pool  sync.Pool // of *npyScratch
}

// npyScratch is what one goroutine needs to read an element.
type npyScratch struct {
	file, pixels []byte // the element as it is in the file; uint8 [H,W,C] of it
	fitter       fitter
}

func openNPY(path string, o Options) (Dataset, error) {
	in, _, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("data: npy: %w: name a file that numpy.save or `forger data dump` wrote", err)
	}
	f := &npyFile{path: path, in: in}
	if err := f.open(o); err != nil {
		return nil, errors.Join(fmt.Errorf("data: npy: %w", err), in.Close())
	}
	return f, nil
}

// open reads all of the file once: what it holds, whether that can be used, and its SHA-256; and the labels beside it.
func (f *npyFile) open(o Options) error {
	if err := f.examine(o); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	l, sum, err := readNPYLabels(labelsBeside(f.path), f.Len())
	if err != nil {
		return fmt.Errorf("%w: mend or remove it", err)
	}
	f.labelled = l
	f.print += sum
	f.pool.New = func() any {
		return &npyScratch{file: make([]byte, f.bytes), pixels: make([]byte, f.own.Bytes())}
	}
	return nil
}

func (f *npyFile) examine(o Options) (err error) {
	if f.stamp, err = stampOf(f.in); err != nil {
		return err
	}
	sum := sha256.New()
	r := io.TeeReader(io.NewSectionReader(f.in, 0, f.stamp.size), sum)
	if f.head, err = readNPYHead(r); err != nil {
		return err
	}
	if f.form, err = f.head.form(); err != nil {
		return err
	}
	if err := f.head.fills(f.stamp.size, f.form.width); err != nil {
		return err
	}
	if err := f.shapes(o); err != nil {
		return err
	}
	if err := f.head.scan(r, f.form); err != nil {
		return err
	}
	f.print = "npy sha256:" + hex.EncodeToString(sum.Sum(nil))
	return f.stamp.unchanged(f.in)
}

// shapes decides which form the elements get.
func (f *npyFile) shapes(o Options) error {
	f.own = f.form.holds(f.head.shape)
	f.bytes = (f.stamp.size - f.head.size) / int64(f.head.shape[0])
	f.shape = f.own
	if f.own.IsPoints() {
		return nil
	}
	if c := f.own.Channels; c != 1 && c != 3 {
		return fmt.Errorf("shape %v: images of %d channels: want 1 or 3, %s", f.head.shape, c, npyWanted)
	}
	most := o.MaxPixels
	if most == 0 {
		most = vision.MaxPixels
	}
	if f.own.Height > most/f.own.Width {
		return fmt.Errorf("shape %v: images of %dx%d: more than %d pixels: raise --max-pixels", f.head.shape, f.own.Height, f.own.Width, most)
	}
	size := o.Size
	if size.IsZero() {
		size = vision.Square(min(f.own.Height, f.own.Width))
	}
	f.shape.Height, f.shape.Width = size.Height, size.Width
	if o.Channels != 0 {
		f.shape.Channels = o.Channels
	}
	return nil
}

func (f *npyFile) Spec() string        { return "npy:" + f.path }
func (f *npyFile) Len() int            { return f.head.shape[0] }
func (f *npyFile) Shape() Shape        { return f.shape }
func (f *npyFile) Fingerprint() string { return f.print }
func (f *npyFile) Close() error        { return f.in.Close() }

func (f *npyFile) Read(_, i int, dst []byte) error {
	s := f.pool.Get().(*npyScratch)
	defer f.pool.Put(s)
	_, err := f.in.ReadAt(s.file, f.head.size+int64(i)*f.bytes)
	if changed := f.stamp.unchanged(f.in); changed != nil { // which says more than a short read does
		err = changed
	}
	if err != nil {
		return fmt.Errorf("data: npy: %s: element %d: %w", f.path, i, err)
	}
	if f.own.IsPoints() {
		f.form.decode(dst, s.file, f.own)
		return nil
	}
	f.form.decode(s.pixels, s.file, f.own)
	m := vision.Image{Pix: s.pixels, Height: f.own.Height, Width: f.own.Width, Channels: f.own.Channels}
	s.fitter.fit(dst, m, f.shape)
	return nil
}
