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

// openTar lists the images of a tar archive, compressed or not. A plain one is read where it lies; a compressed one is
// unpacked first, since nothing in it can be reached but through all before.
func openTar(path string, o Options) (Dataset, error) {
	paths, err := shards(path)
	if err != nil {
		return nil, fmt.Errorf("data: tar: %s: %w", path, err)
	}
	for {
		ds, err := openShards(path, paths, o)
		var kept *keptError
		var room *roomError
		switch {
		case errors.As(err, &kept) && os.Remove(kept.name) == nil: // it is unpacked anew
		case errors.As(err, &room) && o.CacheDir != "":
			o.warn("%s: %v: %s: unpacks to %s for now", path, room.bare(), cacheRemedy, os.TempDir())
			o.CacheDir = ""
		default:
			return ds, err
		}
	}
}

func openShards(path string, paths []string, o Options) (Dataset, error) {
	a := &archive{path: path}
	c := newCatalogue("tar", a, o)
	for _, path := range paths {
		if err := c.openShard(path, o); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	ds, err := c.dataset(o)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return ds, nil
}

// openShard lists the images of one of the archive's files.
func (c *catalogue) openShard(path string, o Options) error {
	c.begin(path)
	f, _, err := openRegular(path)
	if err != nil {
		return fmt.Errorf("data: tar: %w: name an archive that can be read", err)
	}
	compression, err := compressionOf(f)
	if err != nil {
		return errors.Join(fmt.Errorf("data: tar: %s: %w", path, err), f.Close())
	}
	if compression != nil {
		return errors.Join(c.unpack(f, compression, o), f.Close())
	}
	s, err := c.a.use(path, f)
	if err != nil {
		return err
	}
	return c.listTar(&cursor{r: f, size: s.stamp.size})
}

// listTar adds every image.
func (c *catalogue) listTar(in *cursor) error {
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
		if err := c.addTar(h, r, in); err != nil {
			return c.entryError(h.Name, err)
		}
	}
	if !in.zeros {
		return c.entryError(last, errors.New("the archive ends after it without tar's end mark, as a truncated one does: get or make it again"))
	}
	if err := in.restIsZero(); err != nil {
		return fmt.Errorf("data: tar: %s: %w", c.path, err)
	}
	return nil
}

// tarError names the archive and the last entry before what is wrong.
func (c *catalogue) tarError(last string, err error) error {
	after := "at its beginning"
	if last != "" {
		after = "after " + printable(last)
	}
	var room *roomError
	if errors.As(err, &room) {
		return fmt.Errorf("data: tar: %s: %w", c.path, room)
	}
	reason := strings.TrimPrefix(err.Error(), "archive/")
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason = "the archive is truncated"
	case errors.Is(err, tar.ErrHeader):
		reason = "no tar header"
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("data: tar: %s: it asks for too much memory for its size: compress it again without --long and --ultra", c.path)
	}
	return fmt.Errorf("data: tar: %s: %s: %s: get or make it again", c.path, after, reason)
}

// addTar enters an entry whose header was read from in.
func (c *catalogue) addTar(h *tar.Header, r io.Reader, in *cursor) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := safe(h.Name)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir || !c.wanted(name) {
		return nil
	}
	if c.takes.sidecar(name) && h.Typeflag != tar.TypeReg {
		c.a.passOver(name)
		return nil
	}
	if h.Typeflag == tar.TypeLink {
		return c.linkTar(name, h)
	}
	if what := unfit(h); what != "" {
		return fmt.Errorf("%s: make the archive again with the files themselves (tar --dereference --hard-dereference)", what)
	}
	if h.Size > maxFile {
		return fmt.Errorf("more than %d bytes: remove it from the archive", int64(maxFile))
	}
	sp := span{at: in.at, packed: uint32(h.Size), size: uint32(h.Size)}
	if in.in == nil && in.at+h.Size > in.size {
		return errors.New("the archive is truncated within it: get it again")
	}
	if in.in != nil {
		switch _, err := io.CopyN(io.Discard, r, h.Size); {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the archive is truncated within it: get or make it again")
		case err != nil:
			return err
		}
	}
	return c.add(name, sp, h.ModTime.Unix())
}

// linkTar enters a hard link: another name of a file that came before it.
func (c *catalogue) linkTar(name string, h *tar.Header) error {
	to, err := safe(h.Linkname)
	if err != nil {
		return fmt.Errorf("a hard link to %s: %w", printable(h.Linkname), err)
	}
	at, ok := c.seen[to]
	if !ok || at == notListed {
		return fmt.Errorf("a hard link to %s, which is no image before it: make the archive again with the files themselves (tar --hard-dereference)", printable(to))
	}
	return c.add(name, c.a.spans[at], h.ModTime.Unix())
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
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a pipe"
	case tar.TypeGNUSparse:
		return "a sparse file"
	}
	return fmt.Sprintf("an entry of type %q", h.Typeflag)
}
