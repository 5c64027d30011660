package pt

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
)

// maxPickle bounds data.pkl: a hundred thousand tensors take a tenth of it.
const maxPickle = 64 << 20

// archive is the zip of a torch.save file: names without the root folder -> entries.
type archive struct {
	r         io.ReaderAt
	size      int64
	entries   map[string]*entry
	unchecked bool // it was saved without checksums
}

// entry is one stored payload and where it lies.
type entry struct {
	name      string
	off, size int64
	crc       uint32
}

// openArchive checks everything that the zip's directory alone shows to be wrong.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, explainNoZip(r, size, err)
	}
	root, err := rootFolder(z)
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if f.Name == root+"constants.pkl" {
			return nil, fmt.Errorf("a TorchScript file: convert it in Python: " +
				"torch.save(torch.jit.load('FILE', map_location='cpu').state_dict(), 'weights.pth')")
		}
	}
	a := &archive{r: r, size: size, entries: make(map[string]*entry, len(z.File))}
	if err := a.index(z, root); err != nil {
		return nil, err
	}
	// torch.serialization.set_crc32_options(False) leaves 0 in the place of each; no damage does.
	a.unchecked = !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.CRC32 != 0 })
	return a, a.checkByteOrder()
}

// index lists the entries and checks that they fit into the file.
func (a *archive) index(z *zip.Reader, root string) error {
	var total int64
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, root)
		if !ok {
			return fmt.Errorf("the entry %s lies outside the folder %s: not written by torch.save", quote(f.Name), quote(root))
		}
		if a.entries[name] != nil {
			return fmt.Errorf("the entry %s is there twice: the file is damaged", quote(f.Name))
		}
		e, err := checkEntry(f, name, a.size)
		if err != nil {
			return err
		}
		if total += e.size; total > a.size {
			return fmt.Errorf("the entries are larger than the file: they overlap or the file is damaged")
		}
		a.entries[name] = e
	}
	return nil
}

// rootFolder finds the folder that holds data.pkl, with its slash.
func rootFolder(z *zip.Reader) (string, error) {
	root := ""
	for _, f := range z.File {
		folder, ok := strings.CutSuffix(f.Name, "data.pkl")
		if !ok || strings.Count(folder, "/") != 1 || !strings.HasSuffix(folder, "/") {
			continue
		}
		if root != "" && root != folder {
			return "", fmt.Errorf("a zip with two files data.pkl: not written by torch.save")
		}
		root = folder
	}
	if root == "" {
		return "", fmt.Errorf("a zip without data.pkl: not written by torch.save")
	}
	return root, nil
}

func checkEntry(f *zip.File, name string, size int64) (*entry, error) {
	switch {
	case f.Method != zip.Store:
		return nil, fmt.Errorf("the entry %s is compressed: torch.save stores; unpack it and pack it again with zip -0", quote(f.Name))
	case f.Flags&1 != 0:
		return nil, fmt.Errorf("the entry %s is encrypted", quote(f.Name))
	case f.UncompressedSize64 != f.CompressedSize64 || f.UncompressedSize64 > uint64(size):
		return nil, fmt.Errorf("the entry %s has an impossible size: the file is damaged", quote(f.Name))
	}
	off, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("the entry %s: %w: the file is damaged", quote(f.Name), err)
	}
	n := int64(f.UncompressedSize64)
	if off < 0 || off > size-n {
		return nil, fmt.Errorf("the entry %s goes beyond the end: the file is cut short or damaged", quote(f.Name))
	}
	return &entry{name: name, off: off, size: n, crc: f.CRC32}, nil
}

func (a *archive) checkByteOrder() error {
	if a.entries["byteorder"] == nil {
		return nil // written before PyTorch 2.1
	}
	order, err := a.read("byteorder", 16)
	if err != nil {
		return err
	}
	if string(order) != "little" {
		return fmt.Errorf("its byte order is %s: only little is read", quote(string(order)))
	}
	return nil
}

// read returns a small entry, its CRC checked.
func (a *archive) read(name string, most int64) ([]byte, error) {
	e := a.entries[name]
	if e == nil {
		return nil, fmt.Errorf("the entry %s is missing", quote(name))
	}
	if e.size > most {
		return nil, fmt.Errorf("the entry %s has %d bytes, more than %d", quote(name), e.size, most)
	}
	data := make([]byte, e.size)
	if err := readAt(a.r, data, e.off); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !a.unchecked && crc32.ChecksumIEEE(data) != e.crc {
		return nil, e.damaged()
	}
	return data, nil
}

func (e *entry) damaged() error {
	return fmt.Errorf("%s: the checksum does not match: the file is damaged: take another copy", quote(e.name))
}

// readAt fills p; io.ReaderAt may report io.EOF beside a full read.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// explainNoZip says what a file that is no zip is, where its first bytes tell.
func explainNoZip(r io.ReaderAt, size int64, err error) error {
	head := make([]byte, min(size, 512))
	if readAt(r, head, 0) != nil {
		return err
	}
	const convert = "convert it in Python: torch.save(torch.load('FILE', map_location='cpu', weights_only=True), 'new.pth')"
	switch {
	case size == 0:
		return fmt.Errorf("the file is empty")
	case bytes.HasPrefix(head, []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19")): // pickle of torch.serialization.MAGIC_NUMBER
		return fmt.Errorf("PyTorch's legacy format of before 1.6: %s", convert)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return fmt.Errorf("PyTorch's legacy tar format of before 0.1.10: %s", convert)
	case head[0] == 0x80:
		return fmt.Errorf("a bare pickle, not what torch.save writes: load it in Python and save it with torch.save")
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return fmt.Errorf("a Git LFS pointer, not the file itself: run git lfs pull")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return fmt.Errorf("a zip without an end (%w): the file is cut short: take another copy", err)
	}
	return fmt.Errorf("not a file of torch.save (%w)", err)
}
