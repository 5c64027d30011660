package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// labelsBeside is the file that holds the labels of the array at path.
func labelsBeside(path string) string { return strings.TrimSuffix(path, ".npy") + ".labels.npy" }

// maxNPYLabel bounds labels, each of which has a name.
const maxNPYLabel = 1<<20 - 1

// readNPYLabels reads n labels, int64 [n], -1 where an element has none, and their part of the fingerprint. A file that
// is not there is no labels. The names of the classes are their numbers.
func readNPYLabels(path string, n int) (l labelled, print string, err error) {
	f, info, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return labelled{}, "", nil
	}
	if err != nil {
		return labelled{}, "", err
	}
	defer f.Close()
	sum := sha256.New()
	l, err = parseNPYLabels(io.TeeReader(f, sum), info.Size(), n)
	if err != nil {
		return labelled{}, "", fmt.Errorf("%s: %w", path, err)
	}
	return l, " labels sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func parseNPYLabels(r io.Reader, size int64, n int) (l labelled, err error) {
	h, err := readNPYHead(r)
	if err != nil {
		return l, err
	}
	if h.descr != "<i8" || len(h.shape) != 1 {
		return l, fmt.Errorf("shape %v of type %q: labels are int64 [N]: convert with .astype(numpy.int64)", h.shape, h.descr)
	}
	if h.shape[0] != n {
		return l, fmt.Errorf("%d labels of %d elements", h.shape[0], n)
	}
	if err := h.fills(size, 8); err != nil {
		return l, err
	}
	file := make([]byte, 8*n)
	if _, err := io.ReadFull(r, file); err != nil {
		return l, short(err, fmt.Sprintf("%d labels", n))
	}
	l.labels = make([]int32, n)
	most := int64(-1)
	for i := range l.labels {
		v := int64(binary.LittleEndian.Uint64(file[8*i:]))
		if v < -1 || v > maxNPYLabel {
			return l, fmt.Errorf("label %d of element %d: labels go from 0 to %d, -1 is none", v, i, maxNPYLabel)
		}
		l.labels[i] = int32(v)
		most = max(most, v)
	}
	for class := range most + 1 {
		l.classes = append(l.classes, strconv.FormatInt(class, 10))
	}
	return l, nil
}
