package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// decompressor opens a compressed stream of size bytes.
type decompressor func(r io.Reader, size int64) (io.ReadCloser, error)

// compressions are told by how files begin; those without an open are known and not read.
var compressions = []struct {
	name, magic string
	open        decompressor
}{
	{"gzip", "\x1f\x8b", func(r io.Reader, _ int64) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"bzip2", "BZh", nil},
	{"xz", "\xfd7zXZ", nil},
	{"lz4", "\x04\x22\x4d\x18", nil},
	{"compress", "\x1f\x9d", nil},
	{"zip", "PK\x03\x04", nil},
}

// A zstd stream announces how much of what was unpacked the reader must keep, and that is allocated at once. RFC 8878
// wants at least 8 MiB supported; more is believed of files that are not much smaller, up to what `zstd -d` takes.
const (
	zstdWindowLeast = 8 << 20
	zstdWindowMost  = 128 << 20
	zstdWindowTimes = 16
)

func openZstd(r io.Reader, size int64) (io.ReadCloser, error) {
	window := uint64(min(max(zstdWindowLeast, zstdWindowTimes*size), zstdWindowMost))
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// compressionOf is nil for a file that is not compressed.
func compressionOf(f io.ReaderAt) (decompressor, error) {
	head := make([]byte, 8)
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	for _, c := range compressions {
		if !bytes.HasPrefix(head, []byte(c.magic)) {
			continue
		}
		if c.name == "zip" {
			return nil, errors.New("a zip archive: write zip:FILE")
		}
		if c.open == nil {
			return nil, fmt.Errorf("compressed with %s: unpack it to .tar, or compress it with gzip or zstd", c.name)
		}
		return c.open, nil
	}
	return nil, nil
}

// unpack lists a compressed archive and writes its images, one after another, to a file in dir (the system's temporary
// folder where dir is "") that has no name any more, so that it is gone with the process whatever ends it.
func (c *catalogue) unpack(open decompressor, dir string) error {
	packed := c.a.in
	in, err := open(bufio.NewReaderSize(io.NewSectionReader(packed, 0, c.a.stamp.size), 1<<16), c.a.stamp.size)
	if err != nil {
		return c.tarError("", err)
	}
	defer in.Close()
	out, err := unnamed(dir)
	if err != nil {
		return fmt.Errorf("data: tar: %s: unpacking: %w", c.a.path, err)
	}
	w := bufio.NewWriterSize(out, 1<<18)
	written := int64(0)
	keep := func(r io.Reader, size int64) (int64, error) {
		at := written
		n, err := io.CopyN(w, r, size)
		written += n
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the archive is truncated within it: get or make it again")
		}
		return at, err
	}
	err = c.listTar(&cursor{in: &bounded{in, deflateMost * (c.a.stamp.size + 1<<16)}}, keep)
	if err == nil {
		if err = w.Flush(); err != nil {
			err = fmt.Errorf("data: tar: %s: %w", c.a.path, err)
		}
	}
	if err == nil {
		err = c.a.use(out.file)
	}
	if err != nil {
		return errors.Join(err, out.file.Close())
	}
	return packed.Close()
}

// unpackError says that the folder to unpack to cannot be made, or not be written. Another may do.
type unpackError struct {
	dir    string
	err    error
	remedy string
}

func (e *unpackError) Error() string { return e.bare() + ": " + e.remedy }
func (e *unpackError) Unwrap() error { return e.err }

// bare is the error without what to do.
func (e *unpackError) bare() string { return fmt.Sprintf("unpacking it to %s: %v", e.dir, e.err) }

// unpacked is a file without a name whose errors say where it lies and what to do. The file is not embedded: its ReadFrom
// would write past them.
type unpacked struct {
	file *os.File
	dir  string
}

func unnamed(dir string) (*unpacked, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	err := os.MkdirAll(dir, 0o777)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(dir, ".forger-unpacked-*")
	}
	if err != nil {
		return nil, &unpackError{dir, reasonOf(err), "name another directory in TMPDIR"}
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(plainError(err), f.Close())
	}
	return &unpacked{f, dir}, nil
}

func (u *unpacked) Write(p []byte) (int, error) {
	n, err := u.file.Write(p)
	if err != nil {
		err = &unpackError{u.dir, reasonOf(err), "make room there, or unpack the archive and use folder:DIR"}
	}
	return n, err
}

// bounded ends a stream that unpacks to more than images can: a bomb.
type bounded struct {
	r    io.Reader
	left int64
}

var errBomb = fmt.Errorf("it unpacks to more than %d times its size, which no images do", deflateMost)

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errBomb
	}
	return n, err
}
