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

// npyFixed is how many bytes the magic, the version and the length of what follows take.
const npyFixed = 10

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
	pad := 64 - (npyFixed+len(dict)+1)%64
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
	h, err := readNPYHead(r)
	if err != nil {
		return nil, nil, err
	}
	if h.descr != "<f4" {
		return nil, nil, fmt.Errorf("elements of type %q, want %q (float32): convert with .astype(numpy.float32)", h.descr, "<f4")
	}
	total, err := h.numbers(math.MaxInt32)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r, 4*total)) // memory grows with what is there
	if err != nil {
		return nil, nil, err
	}
	if int64(len(body)) != 4*total {
		return nil, nil, fmt.Errorf("the file is short: %d of %d bytes", len(body), 4*total)
	}
	values = make([]float32, total)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return h.shape, values, nil
}
