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

// ReadNPY reads a NumPy file of float32 or of float64, as T is, little-endian, in C order.
func ReadNPY[T float32 | float64](path string) (shape []int, values []T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("data: read %w", plainError(err))
	}
	defer f.Close()
	shape, values, err = parseNPY[T](bufio.NewReader(f))
	if err != nil {
		return nil, nil, fmt.Errorf("data: read %s: %w", path, err)
	}
	return shape, values, nil
}

func parseNPY[T float32 | float64](r io.Reader) (shape []int, values []T, err error) {
	h, err := readNPYHead(r)
	if err != nil {
		return nil, nil, err
	}
	name := fmt.Sprintf("%T", T(0))
	if want := npyDescr(name); h.descr != want {
		return nil, nil, fmt.Errorf("elements of type %q, want %q (%s): convert with .astype(numpy.%s)", h.descr, want, name, name)
	}
	values, err = readNumbers[T](r, h, math.MaxInt32)
	return h.shape, values, err
}

// npyDescr is NumPy's short name of float32 or float64.
func npyDescr(name string) string {
	if name == "float32" {
		return "<f4"
	}
	return "<f8"
}

// readNumbers reads the elements of an array of at most most numbers, whichever of the two types they are in the file. Memory
// grows with what is there.
func readNumbers[T float32 | float64](r io.Reader, h npyHead, most int64) ([]T, error) {
	width, number := int64(4), float32At
	if h.descr == npyDescr("float64") {
		width, number = 8, float64At
	}
	total, err := h.numbers(most)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r, width*total))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) != width*total {
		return nil, fmt.Errorf("the file is short: %d of %d bytes", len(body), width*total)
	}
	values := make([]T, total)
	for i := range values {
		values[i] = T(number(body[width*int64(i):]))
	}
	return values, nil
}
