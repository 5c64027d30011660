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

// unpack lists a compressed shard while it unpacks it to a file, from which images are read. With a cache that file is
// kept for the next start; else it has no name, so that it is gone with the process whatever ends that.
func (c *catalogue) unpack(packed *os.File, open decompressor, o Options) error {
	stamp, err := stampOf(packed)
	if err != nil {
		return err
	}
	kept, err := keptAt(packed, c.path, o.CacheDir)
	if err != nil {
		return fmt.Errorf("data: tar: %s: %w", c.path, err)
	}
	if kept.name != "" {
		if f, _, err := openRegular(kept.name); err == nil {
			return c.recall(f, kept)
		}
	}
	in, err := open(bufio.NewReaderSize(&counted{r: packed, size: stamp.size, tell: o.Unpacking}, 1<<16), stamp.size)
	if err != nil {
		return c.tarError("", err)
	}
	defer in.Close()
	out, err := unnamed(o.CacheDir)
	if err != nil {
		return fmt.Errorf("data: tar: %s: unpacking: %w", c.path, err)
	}
	s, err := c.a.use(c.path, out.File)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<18)
	if err := c.listTar(&cursor{in: io.TeeReader(&bounded{in, deflateMost * (stamp.size + 1<<16)}, w)}); err != nil {
		return err
	}
	if err = w.Flush(); err == nil && kept.name != "" {
		err = out.keep(kept)
	}
	if err == nil {
		s.stamp, err = stampOf(out.File)
	}
	if err != nil {
		return fmt.Errorf("data: tar: %s: %w", c.path, err)
	}
	return nil
}

// keptError is what is wrong with what an earlier start unpacked.
type keptError struct {
	error
	name string
}

func (e *keptError) Unwrap() error { return e.error }

// recall lists what an earlier start unpacked.
func (c *catalogue) recall(f *os.File, kept keptTar) error {
	s, err := c.a.use(c.path, f)
	if err == nil {
		err = c.listTar(&cursor{r: f, size: s.stamp.size})
	}
	if err != nil {
		return &keptError{err, kept.name}
	}
	return nil
}

// counted tells how much of a file was read.
type counted struct {
	r          io.Reader
	done, size int64
	tell       func(done, total int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if n > 0 && c.tell != nil {
		c.tell(c.done, c.size)
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
