package pt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"

	"forger/internal/atomicfile"
)

// Write writes root, a tree of the package's values, as torch.save would. Nothing is buffered but the pickle: a
// tensor's bytes go straight to w, after one pass over them for the CRC. Tensors that share Data share a storage, in the
// file and in Python. A tensor of an open File is read when its turn comes.
func Write(w io.Writer, root any) error {
	if err := write(newZipWriter, w, root); err != nil {
		return fmt.Errorf("pt: write: %w", err)
	}
	return nil
}

// WriteFile writes root to path: beside its name first, flushed to the disk, then renamed. On failure path is as it was.
func WriteFile(path string, root any) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return write(newZipWriter, w, root) })
	var disk *fs.PathError
	switch {
	case errors.As(err, &disk): // it names the path itself
		return fmt.Errorf("pt: %w", err)
	case err != nil:
		return fmt.Errorf("pt: write %s: %w", path, err)
	}
	return nil
}

func write(zipTo func(io.Writer) *zipWriter, w io.Writer, root any) error {
	p := newPickler()
	if err := p.dump(root); err != nil {
		return err
	}
	buf := bufio.NewWriterSize(w, 64<<10) // headers; payloads that are larger pass through it uncopied
	z := zipTo(buf)
	if err := z.add("archive/data.pkl", p.buf); err != nil {
		return err
	}
	if err := z.add("archive/byteorder", []byte("little")); err != nil {
		return err
	}
	var scratch []byte // for tensors that are not in memory, one at a time
	for i, t := range p.storages {
		data := t.Data
		if data == nil {
			scratch = slices.Grow(scratch[:0], t.NumBytes())[:t.NumBytes()]
			if err := t.ReadInto(scratch); err != nil {
				return err
			}
			data = scratch
		}
		if err := z.add("archive/data/"+strconv.Itoa(i), data); err != nil {
			return err
		}
	}
	if err := z.add("archive/version", []byte("3\n")); err != nil {
		return err
	}
	if err := z.close(); err != nil {
		return err
	}
	return buf.Flush()
}
