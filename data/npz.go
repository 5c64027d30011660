package data

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"forger/internal/atomicfile"
)

// Array is an array of an .npz: numbers in C order under a name.
type Array struct {
	Name   string
	Shape  []int
	Values []float64
}

// ReadNPZ reads the arrays of these names, of float64 or float32, out of a file that numpy.savez or numpy.savez_compressed
// wrote, such as the statistics of pytorch-fid ("mu" [D], "sigma" [D,D]) and clean-fid. They may be compressed, to numbers of
// 64 MiB and four times the file at most.
func ReadNPZ(path string, names ...string) ([]Array, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("data: read %w", err)
	}
	defer f.Close()
	arrays, err := parseNPZ(f, info.Size(), names)
	if err != nil {
		return nil, fmt.Errorf("data: read %s: %w", path, err)
	}
	return arrays, nil
}

func parseNPZ(r io.ReaderAt, size int64, names []string) ([]Array, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: write it with numpy.savez", zipReason(err))
	}
	most := (64<<20 + 4*size) / 8
	arrays := make([]Array, len(names))
	for i, name := range names {
		e, err := findArray(z, name)
		if err != nil {
			return nil, err
		}
		if arrays[i], err = readArray(e, name, most); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		most -= int64(len(arrays[i].Values))
	}
	return arrays, nil
}

func findArray(z *zip.Reader, name string) (found *zip.File, err error) {
	var have []string
	for _, e := range z.File {
		other, ok := strings.CutSuffix(e.Name, ".npy")
		if ok && other == name && found != nil {
			return nil, fmt.Errorf("two arrays named %s: write it with numpy.savez", name)
		}
		if ok && other == name {
			found = e
		}
		if ok && len(have) < 8 {
			have = append(have, fmt.Sprintf("%.40q", other))
		}
	}
	if found == nil {
		slices.Sort(have)
		return nil, fmt.Errorf("no array named %s, it has %s: save it with numpy.savez(FILE, %s=...)", name, strings.Join(have, ", "), name)
	}
	return found, nil
}

func readArray(e *zip.File, name string, most int64) (a Array, err error) {
	r, err := e.Open()
	if err != nil {
		return a, fmt.Errorf("%s: get it again", zipReason(err))
	}
	defer r.Close()
	h, err := readNPYHead(r)
	if err != nil {
		return a, err
	}
	if h.descr != npyDescr("float32") && h.descr != npyDescr("float64") {
		return a, fmt.Errorf("numbers of type %q: save it as float64", h.descr)
	}
	a = Array{Name: name, Shape: h.shape}
	if a.Values, err = readNumbers[float64](r, h, most); err != nil {
		return a, err
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); {
	case err == nil:
		return a, errors.New("more follows its numbers: write it again")
	case err != io.EOF: // at the end the checksum is compared
		return a, fmt.Errorf("%s: get it again", zipReason(err))
	}
	return a, nil
}

// WriteNPZ writes arrays as numpy.savez writes float64, whole or not at all.
func WriteNPZ(path string, arrays ...Array) error {
	for _, a := range arrays {
		if n, err := (npyHead{shape: a.Shape}).numbers(math.MaxInt); err != nil || n != int64(len(a.Values)) {
			return fmt.Errorf("data: %s: %s: shape %v and %d numbers do not belong together", path, a.Name, a.Shape, len(a.Values))
		}
	}
	err := atomicfile.Write(path, func(f io.Writer) error {
		w := bufio.NewWriterSize(f, 1<<16)
		z := zip.NewWriter(w)
		for _, a := range arrays {
			if err := writeArray(z, a); err != nil {
				return err
			}
		}
		if err := z.Close(); err != nil {
			return err
		}
		return w.Flush()
	})
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}

func writeArray(z *zip.Writer, a Array) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: zip.Store})
	if err != nil {
		return err
	}
	if _, err := w.Write(npyHeader(npyDescr("float64"), a.Shape)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, a.Values)
}
