package data

import (
	"errors"
	"io"
)

// cursor reads a tar archive from front to end, from a file at random access or from a stream, and notices its end
// mark: blocks of zeros.
type cursor struct {
	r     io.ReaderAt // or
	in    io.Reader
	size  int64 // of r
	at    int64
	zeros bool // the last block was zeros
}

const tarBlock = 512

func (c *cursor) Read(p []byte) (n int, err error) {
	if c.in == nil {
		n, err = c.r.ReadAt(p, c.at)
	} else {
		for n < len(p) && err == nil { // streams come in pieces of any size
			var m int
			m, err = c.in.Read(p[n:])
			n += m
		}
	}
	if n > 0 {
		c.at += int64(n)
		c.zeros = n == tarBlock && len(p) == tarBlock && allZero(p) // headers are read a block at a time
		if err == io.EOF {
			err = nil
		}
	}
	return n, err
}

var errStream = errors.New("a stream has no places")

// Seek lets archive/tar pass over contents without reading them.
func (c *cursor) Seek(offset int64, whence int) (int64, error) {
	if c.in != nil {
		return 0, errStream
	}
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("before the beginning")
	}
	c.at = offset
	return offset, nil
}

var errTrailing = errors.New("after its end mark: more data, which tar would not unpack: make the archive again as one")

// restIsZero reads to the end, which also checks what a compressed stream ends with.
func (c *cursor) restIsZero() error {
	buf := make([]byte, 1<<15)
	for {
		n, err := c.Read(buf)
		if !allZero(buf[:n]) {
			return errTrailing
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}
