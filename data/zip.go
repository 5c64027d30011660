package data

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// openZip lists the images of a zip archive. They are read where they lie, by any goroutine.
func openZip(path string, o Options) (Dataset, error) {
	a := &archive{path: path, summed: true}
	in, err := a.open(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data: zip: %w: name an archive that can be read", err), a.Close())
	}
	c := newCatalogue("zip", a, o)
	if err := c.listZip(in.in, in.stamp.size); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	ds, err := c.dataset(o)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return ds, nil
}

func (c *catalogue) listZip(f io.ReaderAt, size int64) error {
	r, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("data: zip: %s: %s: get it again, or name a zip archive", c.a.path, zipReason(err))
	}
	total := uint64(0)
	for _, e := range r.File {
		if total += e.CompressedSize64; e.CompressedSize64 > uint64(size) || total > uint64(size) {
			return c.entryError(e.Name, fmt.Errorf("the sizes up to here exceed the archive's %d bytes: get it again", size))
		}
		if err := c.addZip(e, size); err != nil {
			return c.entryError(e.Name, err)
		}
	}
	return nil
}

func zipReason(err error) string {
	if errors.Is(err, zip.ErrFormat) {
		return "not a zip archive, or a truncated one"
	}
	return strings.TrimPrefix(err.Error(), "zip: ")
}

// deflateMost is how many bytes a byte of deflated data becomes at most.
const deflateMost = 1032

func (c *catalogue) addZip(e *zip.File, size int64) error {
	name, err := safe(e.Name)
	if err != nil {
		return err
	}
	mode := e.Mode()
	if mode.IsDir() {
		return nil
	}
	if !mode.IsRegular() {
		return fmt.Errorf("%s: make the archive again with the files themselves", modeText(mode))
	}
	if !c.wanted(name) {
		return nil
	}
	packed, plain := e.CompressedSize64, e.UncompressedSize64
	switch {
	case e.Flags&1 != 0:
		return errors.New("encrypted: make the archive again without a password")
	case e.Method != zip.Store && e.Method != zip.Deflate:
		return fmt.Errorf("compression method %d: make the archive again with stored or deflated files", e.Method)
	case packed > maxFile || plain > maxFile:
		return fmt.Errorf("more than %d bytes: remove it from the archive", int64(maxFile))
	case e.Method == zip.Store && packed != plain, plain > deflateMost*packed+deflateMost:
		return fmt.Errorf("%d bytes cannot become the %d it announces: make the archive again", packed, plain)
	}
	at, err := e.DataOffset()
	if err != nil {
		return errors.New("no file where the archive says it lies: get the archive again")
	}
	if at+int64(packed) > size {
		return errors.New("the archive is truncated within it: get it again")
	}
	sp := span{at: at, packed: uint32(packed), size: uint32(plain), sum: e.CRC32, deflated: e.Method == zip.Deflate}
	return c.add(name, sp, e.CRC32)
}

// modeText is what an entry is that is no file.
func modeText(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "not a file"
}
