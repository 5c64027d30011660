package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"forger/vision"
)

// cifar10 is the training set of CIFAR-10's binary version, in memory as it came.
type cifar10 struct {
	labelled
	dir       string
	records   []byte
	shape     Shape
	print     string
	scratches sync.Pool // of *cifarScratch
}

type cifarScratch struct {
	pixels []byte // uint8 [H,W,C]
	fitter vision.Resizer
}

// A record is a label, then the planes of red, green and blue, row by row.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarRecord = 1 + 3*cifarPlane
	cifarFiles  = 5
	// cifarMost bounds a file; the original's have 10,000 records.
	cifarMost = 1 << 18
)

const cifarFetch = "get cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it"

func openCIFAR10(dir string, o Options) (Dataset, error) {
	fail := func(err error) (Dataset, error) { return nil, fmt.Errorf("data: cifar10: %w", err) }
	at, err := findCIFAR(dir)
	if err != nil {
		return fail(err)
	}
	c := &cifar10{dir: dir, shape: asked(o)}
	for n := range cifarFiles {
		path := filepath.Join(at, fmt.Sprintf("data_batch_%d.bin", n+1))
		if c.records, err = appendCIFAR(c.records, path, n); err != nil {
			return fail(err)
		}
	}
	if c.classes, err = cifarClasses(filepath.Join(at, "batches.meta.txt")); err != nil {
		return fail(err)
	}
	c.labels = make([]int32, len(c.records)/cifarRecord)
	for i := range c.labels {
		c.labels[i] = int32(c.records[i*cifarRecord])
	}
	if o.Size.IsZero() {
		c.shape.Height, c.shape.Width = cifarSide, cifarSide
	}
	sum := sha256.Sum256(c.records)
	c.print = "cifar10 sha256:" + hex.EncodeToString(sum[:])
	c.scratches.New = func() any { return &cifarScratch{pixels: make([]byte, 3*cifarPlane)} }
	return c, nil
}

// findCIFAR is the folder of the binary files: dir or the one the archive unpacks to.
func findCIFAR(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("%w: name the folder of data_batch_1.bin", plainError(err))
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s: not a folder: %s, then name the folder", dir, cifarFetch)
	}
	there := func(parts ...string) bool {
		_, err := os.Stat(filepath.Join(append([]string{dir}, parts...)...))
		return err == nil
	}
	for _, sub := range []string{"", "cifar-10-batches-bin"} {
		for n := range cifarFiles {
			if there(sub, fmt.Sprintf("data_batch_%d.bin", n+1)) {
				return filepath.Join(dir, sub), nil
			}
		}
	}
	switch {
	case there("data_batch_1") || there("cifar-10-batches-py"):
		return "", fmt.Errorf("%s: CIFAR-10's Python version: the binary version is read: %s", dir, cifarFetch)
	case there("cifar-10-binary.tar.gz"):
		return "", fmt.Errorf("%s: cifar-10-binary.tar.gz is still packed: tar -xzf it there", dir)
	case there("cifar-10-python.tar.gz"):
		return "", fmt.Errorf("%s: cifar-10-python.tar.gz is the Python version: the binary version is read: %s", dir, cifarFetch)
	}
	return "", fmt.Errorf("%s: no data_batch_1.bin in it: %s", dir, cifarFetch)
}

// appendCIFAR adds the records of file n (from 0). All files have as many as the first, so that a truncated one is seen.
func appendCIFAR(records []byte, path string, n int) ([]byte, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, cifarFetch)
	}
	defer f.Close()
	if n > 0 && info.Size() != int64(len(records)/n) {
		return nil, fmt.Errorf("%s: %d bytes, the files before have %d each: %s", path, info.Size(), len(records)/n, cifarFetch)
	}
	records, err = readCIFAR(records, f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", path, err, cifarFetch)
	}
	return records, nil
}

// readCIFAR appends size bytes of records.
func readCIFAR(records []byte, r io.Reader, size int64) ([]byte, error) {
	switch {
	case size <= 0:
		return nil, errors.New("the file is empty")
	case size%cifarRecord != 0:
		return nil, fmt.Errorf("%d bytes are no whole number of %d-byte records: the file is truncated or another's", size, cifarRecord)
	case size > cifarMost*cifarRecord:
		return nil, fmt.Errorf("more than %d records", cifarMost)
	}
	from := len(records)
	if cap(records)-from < int(size) {
		records = append(make([]byte, 0, from+cifarFiles*int(size)), records...)
	}
	records = records[:from+int(size)]
	if n, err := io.ReadFull(r, records[from:]); err != nil {
		return nil, short(err, fmt.Sprintf("%d of %d bytes", n, size))
	}
	for i := from; i < len(records); i += cifarRecord {
		if records[i] > 9 {
			return nil, fmt.Errorf("label %d of image %d is none of 10: not CIFAR-10's binary version, or damaged", records[i], (i-from)/cifarRecord)
		}
	}
	return records, nil
}

// cifarClasses reads the names of the classes; where the file is missing they are digits.
func cifarClasses(path string) ([]string, error) {
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, nil
	}
	if err != nil {
		return nil, plainError(err)
	}
	var names []string
	for line := range bytes.Lines(file) {
		if name := strings.TrimSpace(string(line)); name != "" {
			names = append(names, name)
		}
	}
	if len(names) != 10 {
		return nil, fmt.Errorf("%s: %d names, want 10: %s", path, len(names), cifarFetch)
	}
	return names, nil
}

func (c *cifar10) Spec() string        { return "cifar10:" + c.dir }
func (c *cifar10) Len() int            { return len(c.labels) }
func (c *cifar10) Shape() Shape        { return c.shape }
func (c *cifar10) Fingerprint() string { return c.print }
func (c *cifar10) Close() error        { return nil }

func (c *cifar10) Read(_, i int, dst []byte) error {
	planes := c.records[i*cifarRecord+1 : (i+1)*cifarRecord]
	s := c.scratches.Get().(*cifarScratch)
	defer c.scratches.Put(s)
	m := vision.Image{Pix: s.pixels[:c.shape.Channels*cifarPlane], Height: cifarSide, Width: cifarSide, Channels: c.shape.Channels}
	red, green, blue := planes[:cifarPlane], planes[cifarPlane:2*cifarPlane], planes[2*cifarPlane:]
	if m.Channels == 1 {
		for i := range m.Pix {
			m.Pix[i] = vision.Luma(red[i], green[i], blue[i])
		}
	} else {
		for i := range cifarPlane {
			m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = red[i], green[i], blue[i]
		}
	}
	s.fitter.Fit(dst, m, c.shape.Size())
	return nil
}
