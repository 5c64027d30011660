package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"forger/vision"
)

// mnist is a set of IDX files, in memory as they came.
type mnist struct {
	labelled
	name   string // of the source
	dir    string
	pixels []byte // uint8 [N,h,w]
	h, w   int
	shape  Shape
	print  string
	fitter sync.Pool // of *fitter
}

func openMNIST(dir string, o Options) (Dataset, error) { return openDigits("mnist", "train", dir, o) }

// openMNISTTest opens what a model is not shown in training.
func openMNISTTest(dir string, o Options) (Dataset, error) {
	return openDigits("mnist-test", "t10k", dir, o)
}

// openDigits opens the two files of a set.
func openDigits(name, set, dir string, o Options) (Dataset, error) {
	fail := func(err error) (Dataset, error) {
		return nil, fmt.Errorf("data: %s: %w: get the four files again, or check the folder", name, err)
	}
	shape, pixels, err := readIDXOf(dir, set+"-images", "idx3-ubyte", 3)
	if err != nil {
		return fail(err)
	}
	counts, labels, err := readIDXOf(dir, set+"-labels", "idx1-ubyte", 1)
	if err != nil {
		return fail(err)
	}
	if counts[0] != shape[0] {
		return fail(fmt.Errorf("%s: %d images but %d labels", dir, shape[0], counts[0]))
	}
	m := &mnist{name: name, dir: dir, pixels: pixels, h: shape[1], w: shape[2], shape: asked(o)}
	if o.Size.IsZero() {
		side := min(m.h, m.w)
		m.shape.Height, m.shape.Width = side, side
	}
	m.fitter.New = func() any { return new(fitter) }
	for i := range 10 {
		m.classes = append(m.classes, fmt.Sprint(i))
	}
	m.labels = make([]int32, len(labels))
	for i, l := range labels {
		if l > 9 {
			return fail(fmt.Errorf("%s: label %d of image %d is not a digit", dir, l, i))
		}
		m.labels[i] = int32(l)
	}
	sum := sha256.New()
	sum.Write(pixels)
	sum.Write(labels)
	m.print = "mnist sha256:" + hex.EncodeToString(sum.Sum(nil))
	return m, nil
}

// readIDXOf finds the file under the names it goes by: with a dash or a dot, gzipped or not.
func readIDXOf(dir, stem, kind string, dims int) ([]int, []byte, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, nil, plainError(err)
	} else if !info.IsDir() {
		return nil, nil, fmt.Errorf("%s: not a folder", dir)
	}
	for _, name := range []string{stem + "-" + kind, stem + "." + kind, stem + "-" + kind + ".gz", stem + "." + kind + ".gz"} {
		shape, elements, err := readIDX(filepath.Join(dir, name), dims)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return shape, elements, err
	}
	return nil, nil, fmt.Errorf("%s: no %s-%s or %s-%s.gz in it", dir, stem, kind, stem, kind)
}

// plainError is a file error as "path: reason".
func plainError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

func (m *mnist) Spec() string        { return m.name + ":" + m.dir }
func (m *mnist) Len() int            { return len(m.labels) }
func (m *mnist) Shape() Shape        { return m.shape }
func (m *mnist) Fingerprint() string { return m.print }
func (m *mnist) Close() error        { return nil }

func (m *mnist) Read(_, i int, dst []byte) error {
	gray := vision.Image{Pix: m.pixels[i*m.h*m.w : (i+1)*m.h*m.w], Height: m.h, Width: m.w, Channels: 1}
	f := m.fitter.Get().(*fitter)
	defer m.fitter.Put(f)
	f.fit(dst, gray, m.shape)
	return nil
}
