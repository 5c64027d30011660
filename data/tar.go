package data

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// openTar lists the images of a tar archive, compressed or not. A plain one is read where it lies; of a compressed one
// the images are unpacked once to a file without a name, since nothing in it can be reached but through all before.
func openTar(path string, o Options) (Dataset, error) {
	a, err := openArchive(path)
	if err != nil {
		return nil, fmt.Errorf("data: tar: %w: name an archive that can be read", err)
	}
	c := newCatalogue("tar", a)
	compression, err := compressionOf(a.in)
	switch {
	case err != nil:
		err = fmt.Errorf("data: tar: %s: %w", path, err)
	case compression == nil:
		err = c.listTar(&cursor{r: a.in, size: a.stamp.size}, nil)
	default:
		err = c.unpack(compression, o.CacheDir)
		var local *unpackError
		if o.CacheDir != "" && errors.As(err, &local) {
			o.warn("%s: %v: %s: unpacks to %s", path, local.bare(), cacheRemedy, os.TempDir())
			c, a.files, a.spans = newCatalogue("tar", a), names{}, nil
			err = c.unpack(compression, "")
		}
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	ds, err := c.dataset(o)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return ds, nil
}

// listTar adds every image. With keep, which stores an entry's bytes and says where, in need not be at random access.
func (c *catalogue) listTar(in *cursor, keep func(r io.Reader, size int64) (int64, error)) error {
	r := tar.NewReader(in)
	last := ""
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return c.tarError(last, err)
		}
		last = h.Name
		if err := c.addTar(h, r, in, keep); err != nil {
			return c.entryError(h.Name, err)
		}
	}
	if !in.zeros {
		return c.entryError(last, errors.New("the archive ends after it without tar's end mark, as a truncated one does: get or make it again"))
	}
	if err := in.restIsZero(); err != nil {
		return fmt.Errorf("data: tar: %s: after its end mark: %w", c.a.path, err)
	}
	return nil
}

// tarError names the archive and the last entry before what is wrong.
func (c *catalogue) tarError(last string, err error) error {
	after := "at its beginning"
	if last != "" {
		after = "after " + printable(last)
	}
	reason := strings.TrimPrefix(err.Error(), "archive/")
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason = "the archive is truncated"
	case errors.Is(err, tar.ErrHeader):
		reason = "no tar header"
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("data: tar: %s: it asks for too much memory for its size: compress it again without --long and --ultra", c.a.path)
	}
	return fmt.Errorf("data: tar: %s: %s: %s: get or make it again", c.a.path, after, reason)
}

// addTar enters an entry whose header was read from in.
func (c *catalogue) addTar(h *tar.Header, r io.Reader, in *cursor, keep func(io.Reader, int64) (int64, error)) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := safe(h.Name)
	if err != nil {
		return err
	}
	if what := unfit(h); what != "" {
		return fmt.Errorf("%s: make the archive again with the files themselves (tar --dereference --hard-dereference)", what)
	}
	if h.Typeflag == tar.TypeDir || !wanted(name) {
		return nil
	}
	if h.Size > maxFile {
		return fmt.Errorf("more than %d bytes: remove it from the archive", int64(maxFile))
	}
	sp := span{at: in.at, packed: uint32(h.Size), size: uint32(h.Size)}
	if keep == nil && in.at+h.Size > in.size {
		return errors.New("the archive is truncated within it: get it again")
	}
	if keep != nil {
		if sp.at, err = keep(r, h.Size); err != nil {
			return err
		}
	}
	return c.add(name, sp, h.ModTime.Unix())
}

// unfit names an entry that is neither a file nor a folder, "" for those.
func unfit(h *tar.Header) string {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return "a sparse file"
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeCont:
		return ""
	case tar.TypeSymlink:
		return "a symbolic link"
	case tar.TypeLink:
		return "a hard link"
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a pipe"
	case tar.TypeGNUSparse:
		return "a sparse file"
	}
	return fmt.Sprintf("an entry of type %q", h.Typeflag)
}
