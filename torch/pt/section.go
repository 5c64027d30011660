package pt

import (
	"fmt"
	"io"
)

// Section is a tensor of the given dtype and shape whose contiguous little-endian elements lie in r at off: for readers
// of other file formats. It is read when asked for; there is no checksum.
func Section(r io.ReaderAt, off int64, dtype DType, shape []int) (*Tensor, error) {
	if !dtype.Valid() {
		return nil, fmt.Errorf("pt: section: no dtype")
	}
	n, err := payload(shape, dtype.Size())
	if err != nil {
		return nil, fmt.Errorf("pt: section: %w", err)
	}
	s := &storage{entry: &entry{name: fmt.Sprintf("byte %d", off), off: off, size: n}, r: r, dtype: dtype, unchecked: true}
	strides := make([]int64, len(shape))
	for i, stride := range contiguousStrides(shape) {
		strides[i] = int64(stride)
	}
	return newView(s, dtype, 0, shape, strides)
}
