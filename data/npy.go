package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"forger/internal/atomicfile"
)

// npyHeader is the head of a NumPy file, version 1.0, little-endian, in C order (NEP 1).
func npyHeader(descr string, shape []int) []byte {
	sizes := make([]string, len(shape))
	for i, n := range shape {
		sizes[i] = fmt.Sprint(n)
	}
	tuple := strings.Join(sizes, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const fixed = 10 // magic, version, length
	pad := 64 - (fixed+len(dict)+1)%64
	dict += strings.Repeat(" ", pad%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(head[8:], uint16(len(dict)))
	return append(head, dict...)
}

// WriteNPY writes a NumPy file, whole or not at all. body writes the elements, which shape and descr ("|u1", "<f4",
// "<i8") announce.
func WriteNPY(path, descr string, shape []int, body func(w io.Writer) error) error {
	var failed error
	err := atomicfile.Write(path, func(f io.Writer) error {
		w := bufio.NewWriterSize(f, 1<<16)
		if _, err := w.Write(npyHeader(descr, shape)); err != nil {
			return err
		}
		if failed = body(w); failed != nil {
			return failed
		}
		return w.Flush()
	})
	var read *FileError
	if errors.As(failed, &read) { // not of this file
		return failed
	}
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}

// ReadNPY reads a NumPy file of float32, little-endian, in C order.
func ReadNPY(path string) (shape []int, values []float32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("data: read %w", plainError(err))
	}
	defer f.Close()
	shape, values, err = parseNPY(bufio.NewReader(f))
	if err != nil {
		return nil, nil, fmt.Errorf("data: read %s: %w", path, err)
	}
	return shape, values, nil
}

func parseNPY(r io.Reader) (shape []int, values []float32, err error) {
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:6]) != "\x93NUMPY" {
		return nil, nil, fmt.Errorf("not a NumPy file: write it with numpy.save")
	}
	if head[6] != 1 {
		return nil, nil, fmt.Errorf("NumPy format %d: write it with numpy.save, which makes 1", head[6])
	}
	dict := make([]byte, binary.LittleEndian.Uint16(head[8:]))
	if _, err := io.ReadFull(r, dict); err != nil {
		return nil, nil, fmt.Errorf("the file is short: it ends within its header")
	}
	if shape, err = npyShape(string(dict), "<f4"); err != nil {
		return nil, nil, err
	}
	total := 1
	for _, n := range shape {
		if n < 0 || n > 0 && total > math.MaxInt32/n {
			return nil, nil, fmt.Errorf("shape %v: too large", shape)
		}
		total *= n
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(total)*4)) // memory grows with what is there
	if err != nil {
		return nil, nil, err
	}
	if len(body) != 4*total {
		return nil, nil, fmt.Errorf("the file is short: %d of %d bytes", len(body), 4*total)
	}
	values = make([]float32, total)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return shape, values, nil
}

// npyShape reads the header's dict, which numpy.save writes in one way only.
func npyShape(dict, descr string) ([]int, error) {
	field := func(name, end string) string {
		_, rest, ok := strings.Cut(dict, "'"+name+"': ")
		value, _, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return ""
		}
		return value
	}
	if have := strings.Trim(field("descr", ","), "'"); have != descr {
		return nil, fmt.Errorf("elements of type %q, want %q (float32): convert with .astype(numpy.float32)", have, descr)
	}
	if field("fortran_order", ",") != "False" {
		return nil, fmt.Errorf("in Fortran order: convert with numpy.ascontiguousarray")
	}
	var shape []int
	for _, part := range strings.Split(strings.TrimPrefix(field("shape", ")"), "("), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		var n int
		if _, err := fmt.Sscanf(part, "%d", &n); err != nil || n < 0 || len(shape) == 8 {
			return nil, fmt.Errorf("shape %q: not understood", part)
		}
		shape = append(shape, n)
	}
	return shape, nil
}
