package pt

import (
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// chunk is how much is read at a time where the destination is not the whole of it: it stays in the processor's cache
// between the read and the checksum.
const chunk = 1 << 20

// storage is one entry data/N of an open file; several views may lie on it.
type storage struct {
	*entry
	r     io.ReaderAt
	dtype DType // 0: untyped

	unchecked bool // the format has no checksum
	mu        sync.Mutex
	verified  bool
}

// view is where a tensor's elements lie in a storage.
type view struct {
	s       *storage
	off     int64   // bytes
	strides []int64 // bytes
}

// newView checks offset, shape and strides (in elements) against the storage.
func newView(s *storage, dtype DType, off int64, shape []int, strides []int64) (*Tensor, error) {
	n, err := payload(shape, dtype.Size())
	if err != nil {
		return nil, err
	}
	size := int64(dtype.Size())
	held := s.size / size
	if off < 0 || off > held {
		return nil, fmt.Errorf("a tensor starts at element %d of %s, which has %d", off, quote(s.name), held)
	}
	last := off // index of the last element
	for i, d := range shape {
		if strides[i] < 0 {
			return nil, fmt.Errorf("a tensor on %s has a negative stride", quote(s.name))
		}
		if n == 0 || d == 1 || strides[i] == 0 {
			continue
		}
		if strides[i] > (held-last)/int64(d-1) {
			return nil, fmt.Errorf("a tensor of shape %v goes beyond the end of %s, which has %d elements", shape, quote(s.name), held)
		}
		last += int64(d-1) * strides[i]
	}
	if n > 0 && last >= held {
		return nil, fmt.Errorf("a tensor of shape %v goes beyond the end of %s, which has %d elements", shape, quote(s.name), held)
	}
	v := &view{s: s, off: off * size, strides: make([]int64, len(strides))}
	if n > 0 { // an empty tensor's strides are not checked, so they must not be multiplied
		for i, st := range strides {
			if shape[i] > 1 {
				v.strides[i] = st * size
			}
		}
	}
	return &Tensor{DType: dtype, Shape: shape, src: v}, nil
}

// contiguous reports row-major order without gaps.
func (v *view) contiguous(shape []int, size int) bool {
	want := int64(size)
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] > 1 && v.strides[i] != want {
			return false
		}
		want *= int64(shape[i])
	}
	return true
}

func (v *view) readInto(dst []byte, shape []int, size int) error {
	if err := v.fill(dst, shape, size); err != nil {
		return fmt.Errorf("pt: read %w", err)
	}
	return nil
}

func (v *view) fill(dst []byte, shape []int, size int) error {
	if len(dst) == 0 {
		return nil
	}
	if v.contiguous(shape, size) {
		if int64(len(dst)) == v.s.size {
			return v.s.readWhole(dst)
		}
		if err := v.s.verify(); err != nil {
			return err
		}
		return v.s.readAt(dst, v.off)
	}
	if err := v.s.verify(); err != nil {
		return err
	}
	g := gatherer{s: v.s, size: size}
	return g.gather(dst, v.off, shape, v.strides)
}

// gatherer reads views with strides through one buffer.
type gatherer struct {
	s    *storage
	size int // of an element
	buf  []byte
}

// gather fills dst. Rows that do not interleave are read in groups of about a chunk, so that the memory it takes does
// not grow with the tensor; interleaved ones (a transposed matrix) are read as one span.
func (g *gatherer) gather(dst []byte, off int64, shape []int, strides []int64) error {
	for len(shape) > 0 && shape[0] == 1 {
		shape, strides = shape[1:], strides[1:]
	}
	span := spanOf(shape, strides, g.size)
	if span > chunk {
		row := spanOf(shape[1:], strides[1:], g.size)
		group := 1 + max(0, chunk-row)/max(1, strides[0])
		if strides[0] >= row && group < int64(shape[0]) {
			return g.gatherRows(dst, off, shape, strides, int(group))
		}
	}
	if int64(len(g.buf)) < span {
		g.buf = make([]byte, span)
	}
	if err := g.s.readAt(g.buf[:span], off); err != nil {
		return err
	}
	copyStrided(dst, g.buf[:span], shape, strides, g.size)
	return nil
}

// gatherRows gathers group rows at a time; a row that is larger than a chunk is split further.
func (g *gatherer) gatherRows(dst []byte, off int64, shape []int, strides []int64, group int) error {
	rowBytes := len(dst) / shape[0]
	for i := 0; i < shape[0]; i += group {
		n := min(group, shape[0]-i)
		rows := append([]int{n}, shape[1:]...)
		if err := g.gather(dst[i*rowBytes:(i+n)*rowBytes], off+int64(i)*strides[0], rows, strides); err != nil {
			return err
		}
	}
	return nil
}

// spanOf is the number of bytes from a view's first element to the end of its last.
func spanOf(shape []int, strides []int64, size int) int64 {
	span := int64(size)
	for i, d := range shape {
		span += int64(d-1) * strides[i]
	}
	return span
}

// copyStrided copies a view of src into dst, contiguous, and returns what is left of dst.
func copyStrided(dst, src []byte, shape []int, strides []int64, size int) []byte {
	if len(shape) == 0 {
		return dst[copy(dst, src[:size]):]
	}
	n, stride := shape[0], int(strides[0])
	if len(shape) == 1 && stride == size {
		return dst[copy(dst, src[:n*size]):]
	}
	if len(shape) == 1 {
		for i := range n {
			copy(dst[i*size:(i+1)*size], src[i*stride:])
		}
		return dst[n*size:]
	}
	for i := range n {
		dst = copyStrided(dst, src[i*stride:], shape[1:], strides[1:], size)
	}
	return dst
}

// readWhole reads the storage into dst and checks it on the way.
func (s *storage) readWhole(dst []byte) error {
	var crc uint32
	for off := 0; off < len(dst); off += chunk {
		part := dst[off:min(off+chunk, len(dst))]
		if err := s.readAt(part, int64(off)); err != nil {
			return err
		}
		crc = crc32.Update(crc, crc32.IEEETable, part)
	}
	return s.compare(crc)
}

// verify checks the storage's CRC, once.
func (s *storage) verify() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified {
		return nil
	}
	var crc uint32
	buf := make([]byte, min(chunk, s.size))
	for off := int64(0); off < s.size; off += chunk {
		part := buf[:min(chunk, s.size-off)]
		if err := s.readAt(part, off); err != nil {
			return err
		}
		crc = crc32.Update(crc, crc32.IEEETable, part)
	}
	if err := s.compare(crc); err != nil {
		return err
	}
	s.verified = true
	return nil
}

func (s *storage) compare(crc uint32) error {
	if crc != s.crc && !s.unchecked {
		return s.damaged()
	}
	return nil
}

func (s *storage) readAt(p []byte, off int64) error {
	if err := readAt(s.r, p, s.off+off); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
