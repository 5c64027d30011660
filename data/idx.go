package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxIDX bounds what an IDX file may hold, so that a broken header cannot ask for all of the memory.
const maxIDX = 4 << 30

// readIDX reads an IDX file of unsigned bytes with the given number of dimensions, gzipped or not.
// The format is described at the head of the MNIST database: 0, 0, type, dims, sizes as big-endian uint32, elements.
func readIDX(path string, dims int) (shape []int, elements []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	shape, elements, err = parseIDX(f, dims)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return shape, elements, nil
}

func parseIDX(file io.Reader, dims int) (shape []int, elements []byte, err error) {
	in := bufio.NewReader(file)
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, err
		}
		in = bufio.NewReader(unzipped)
	}
	var magic [4]byte
	if _, err := io.ReadFull(in, magic[:]); err != nil {
		return nil, nil, short(err, "its header")
	}
	if want := [4]byte{0, 0, 8, byte(dims)}; magic != want {
		return nil, nil, fmt.Errorf("wrong magic number %#x, want %#x (unsigned bytes, %d dimensions)", magic, want, dims)
	}
	sizes := make([]uint32, dims)
	if err := binary.Read(in, binary.BigEndian, sizes); err != nil {
		return nil, nil, short(err, "its header")
	}
	total := int64(1)
	for _, n := range sizes {
		shape = append(shape, int(n))
		if n == 0 {
			return nil, nil, fmt.Errorf("it holds nothing: sizes %v", sizes)
		}
		if total *= int64(n); total > maxIDX {
			return nil, nil, fmt.Errorf("sizes %v: more than %d bytes", sizes, int64(maxIDX))
		}
	}
	// Memory grows with what is there, not with what the header claims.
	elements, err = io.ReadAll(io.LimitReader(in, total))
	if err != nil {
		return nil, nil, short(err, fmt.Sprintf("%d bytes", total))
	}
	if int64(len(elements)) != total {
		return nil, nil, fmt.Errorf("the file is short: %d of %d bytes", len(elements), total)
	}
	return shape, elements, nil
}

func short(err error, of string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is short: it ends within %s", of)
	}
	return err
}
