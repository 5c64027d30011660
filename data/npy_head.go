package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// npyHead is what the head of a NumPy file says (NEP 1), of an array in C order.
type npyHead struct {
	descr string // the type of its numbers, e.g. "<f4"
	shape []int
	size  int64 // of the head in the file
}

// readNPYHead reads the head of a file of version 1.0, which numpy.save writes.
func readNPYHead(r io.Reader) (h npyHead, err error) {
	fixed := make([]byte, npyFixed)
	if _, err := io.ReadFull(r, fixed); err != nil || string(fixed[:6]) != "\x93NUMPY" {
		return h, errors.New("not a NumPy file: write it with numpy.save")
	}
	if fixed[6] != 1 {
		return h, fmt.Errorf("NumPy format %d: write it with numpy.save, which makes 1", fixed[6])
	}
	dict := make([]byte, binary.LittleEndian.Uint16(fixed[8:]))
	if _, err := io.ReadFull(r, dict); err != nil {
		return h, errors.New("the file is short: it ends within its header")
	}
	h, err = parseNPYDict(string(dict))
	h.size = npyFixed + int64(len(dict))
	return h, err
}

// parseNPYDict reads the header's dict, which numpy.save writes in one way only.
func parseNPYDict(dict string) (h npyHead, err error) {
	field := func(name, end string) string {
		_, rest, ok := strings.Cut(dict, "'"+name+"': ")
		value, _, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return ""
		}
		return value
	}
	h.descr = strings.Trim(field("descr", ","), "'")
	if field("fortran_order", ",") != "False" {
		return h, errors.New("in Fortran order: convert with numpy.ascontiguousarray")
	}
	for _, part := range strings.Split(strings.TrimPrefix(field("shape", ")"), "("), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || len(h.shape) == 8 {
			return h, fmt.Errorf("shape %q: not understood: write it with numpy.save", part)
		}
		h.shape = append(h.shape, n)
	}
	return h, nil
}

// numbers is how many there are, at most most.
func (h npyHead) numbers(most int64) (int64, error) {
	total := int64(1)
	for _, n := range h.shape {
		if n > 0 && total > most/int64(n) {
			return 0, fmt.Errorf("shape %v: too large", h.shape)
		}
		total *= int64(n)
	}
	return total, nil
}

// index is the place in the array of its number i, e.g. "[3,0,1]".
func (h npyHead) index(i int64) string {
	at := make([]string, len(h.shape))
	for k := len(at) - 1; k >= 0; k-- {
		n := int64(h.shape[k])
		at[k] = strconv.FormatInt(i%n, 10)
		i /= n
	}
	return "[" + strings.Join(at, ",") + "]"
}
