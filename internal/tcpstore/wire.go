// Package tcpstore is a client and a server of the store that PyTorch's processes meet at, c10d::TCPStore, by its protocol of
// PyTorch 2.3 to 2.11. Either speaks with PyTorch's: numbers are little-endian, a key or a value is its length as 64 bits and its
// bytes, and Python's clients, like this one, put "/" before each key.
package tcpstore

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// magic is what a client says first, after the code validate.
const magic = 0x3C85F7CE

// code is a request's first byte (TCPStoreBackend.hpp, QueryType).
type code byte

const (
	opValidate code = iota
	opSet
	opCompareSet
	opGet
	opAdd
	opCheck
	opWait
	opNumKeys
	opDelete
	opAppend
	opMultiGet
	opMultiSet
	opCancelWait
	opPing
)

// Answers to opWait and opCheck.
const (
	stopWaiting  = 0
	waitCanceled = 1
	ready        = 0
	notReady     = 1
)

// The limits of PyTorch's own server, in bytes and keys, and one on a whole request.
const (
	maxKey     = 8 << 10
	maxValue   = 8 << 20
	maxKeys    = 128 << 10
	maxRequest = 2 * maxValue
)

// decoder reads a message; err stays with the first error, and what is read after it is zero.
type decoder struct {
	r    *bufio.Reader
	left int // bytes that the message may still have
	err  error
}

// take reads n bytes. Memory grows with what comes, so that a length alone costs nothing.
func (d *decoder) take(n uint64) []byte {
	switch {
	case d.err != nil:
		return nil
	case n > uint64(d.left):
		d.err = fmt.Errorf("a message longer than %d bytes", maxRequest)
		return nil
	}
	d.left -= int(n)
	var b bytes.Buffer
	if _, err := io.CopyN(&b, d.r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		d.err = err
		return nil
	}
	return b.Bytes()
}

func (d *decoder) byte() byte {
	if b := d.take(1); d.err == nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); d.err == nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); d.err == nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// sized reads a length of at most limit, and so many bytes of what is called what.
func (d *decoder) sized(what string, limit uint64) []byte {
	n := d.uint64()
	if d.err == nil && n > limit {
		d.err = fmt.Errorf("a %s of %d bytes, at most %d are taken", what, n, limit)
	}
	return d.take(n)
}

func (d *decoder) key() string   { return string(d.sized("key", maxKey)) }
func (d *decoder) value() []byte { return d.sized("value", maxValue) }

// count reads how many keys follow.
func (d *decoder) count() int {
	n := d.uint64()
	if d.err == nil && n > maxKeys {
		d.err = fmt.Errorf("a message of %d keys, at most %d are taken", n, maxKeys)
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *decoder) keys() (all []string) {
	for range d.count() {
		if d.err != nil {
			return nil
		}
		all = append(all, d.key())
	}
	return all
}

func appendUint32(b []byte, n uint32) []byte { return binary.LittleEndian.AppendUint32(b, n) }
func appendUint64(b []byte, n uint64) []byte { return binary.LittleEndian.AppendUint64(b, n) }

func appendSized[S string | []byte](b []byte, s S) []byte {
	return append(appendUint64(b, uint64(len(s))), s...)
}
