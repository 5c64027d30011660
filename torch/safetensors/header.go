package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"forger/torch/pt"
)

// place is a tensor in the header.
type place struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // begin and end, from the end of the header

	name string
}

// parse reads the header and checks it against the size of the file.
func parse(r io.ReaderAt, size int64) (*File, error) {
	header, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(header, size)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	start := 8 + int64(len(header))
	if err := checkLayout(h.places, size-start); err != nil {
		return nil, err
	}
	f := &File{tensors: pt.NewOrderedDict(), metadata: h.metadata}
	for _, p := range h.places {
		t, err := p.tensor(r, start)
		if err != nil {
			return nil, fmt.Errorf("%.100q: %w", p.name, err)
		}
		f.tensors.Set(p.name, t)
	}
	return f, nil
}

func readHeader(r io.ReaderAt, size int64) ([]byte, error) {
	if size < 8 {
		return nil, fmt.Errorf("%d bytes are no safetensors file", size)
	}
	var length [8]byte
	if err := readAt(r, length[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes, more than %d: not a safetensors file", n, maxHeader)
	}
	if n > uint64(size-8) {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: it is cut short or no safetensors file", n, size)
	}
	header := make([]byte, n)
	return header, readAt(r, header, 8)
}

// readAt fills p; io.ReaderAt may report io.EOF beside a full read.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// checkLayout demands what the format demands: the tensors fill the buffer of n bytes without gaps and overlaps.
func checkLayout(places []place, n int64) error {
	order := make([]*place, len(places))
	for i := range places {
		p := &places[i]
		if len(p.Offsets) != 2 || p.Shape == nil {
			return fmt.Errorf("header: %.100q lacks a shape or two data_offsets", p.name)
		}
		order[i] = p
	}
	slices.SortFunc(order, func(a, b *place) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	var end int64
	for _, p := range order {
		if p.Offsets[0] != end || p.Offsets[1] < end || p.Offsets[1] > n {
			return fmt.Errorf("%.100q lies at %d to %d, not from %d on within %d bytes: tensors overlap, leave gaps, "+
				"or the file is cut short", p.name, p.Offsets[0], p.Offsets[1], end, n)
		}
		end = p.Offsets[1]
	}
	if end != n {
		return fmt.Errorf("the tensors take %d bytes of %d: the file is damaged", end, n)
	}
	return nil
}

func (p *place) tensor(r io.ReaderAt, start int64) (*pt.Tensor, error) {
	dtype, err := parseDType(p.DType)
	if err != nil {
		return nil, err
	}
	t, err := pt.Section(r, start+p.Offsets[0], dtype, p.Shape)
	if err != nil {
		return nil, err
	}
	if have := p.Offsets[1] - p.Offsets[0]; int64(t.NumBytes()) != have {
		return nil, fmt.Errorf("%s %v takes %d bytes, its data_offsets leave %d", p.DType, p.Shape, t.NumBytes(), have)
	}
	return t, nil
}
