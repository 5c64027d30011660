package pt

import (
	"fmt"
	"io"
	"os"
)

// File is an open file of torch.save. Its tree is there at once; the tensors' elements stay in the file until they are
// asked for, and its tensors cannot be read after Close. It is safe for concurrent use.
type File struct {
	root     any
	storages []*storage
	closer   io.Closer
}

// Open opens a file and reads everything but the tensors' elements. Contents that are wrong are a *DamageError.
func Open(path string) (*File, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("pt: open %s: %w", path, err)
	}
	return f, nil
}

func openFile(path string) (*File, error) {
	osFile, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := openRegular(osFile)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, closing(osFile))
	}
	f.closer = osFile
	return f, nil
}

// closing closes after a failure; a second failure is added to the first one's text.
func closing(c io.Closer) string {
	if err := c.Close(); err != nil {
		return "; " + err.Error()
	}
	return ""
}

func openRegular(osFile *os.File) (*File, error) {
	info, err := osFile.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file")
	}
	return parse(osFile, info.Size())
}

// NewFile reads from r, which holds size bytes; closing it does not close r.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	f, err := parse(r, size)
	if err != nil {
		return nil, fmt.Errorf("pt: open: %w", err)
	}
	return f, nil
}

func parse(r io.ReaderAt, size int64) (*File, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, damage(err)
	}
	pickle, err := a.read("data.pkl", maxPickle)
	if err != nil {
		return nil, damage(err)
	}
	m := newMachine(pickle, a)
	root, err := m.run()
	if err != nil {
		return nil, damage(err)
	}
	return &File{root: root, storages: m.order}, nil
}

// Root is the value that was saved.
func (f *File) Root() any { return f.root }

// Close releases the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Verify reads every storage once and compares its CRC-32, unless the file was saved without. One that differs is a
// *DamageError.
func (f *File) Verify() error {
	for _, s := range f.storages {
		if err := s.verify(); err != nil {
			return fmt.Errorf("pt: verify: %w", damage(err))
		}
	}
	return nil
}

// Load reads a whole file into memory.
func Load(path string) (any, error) {
	f, err := openFile(path)
	if err == nil {
		err = f.loadAll()
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("pt: load %s: %w", path, err)
	}
	return f.root, nil
}

// loadAll moves the tensors' elements into memory. Tensors over the same elements share Data, as they do in Python;
// other views of one storage become tensors of their own.
func (f *File) loadAll() error {
	loaded := map[any][]byte{}
	return eachTensor(f.root, func(t *Tensor) error {
		if t.src == nil {
			return nil // met before: the tree names it twice
		}
		key := storageKey(t)
		data, ok := loaded[key]
		if !ok {
			var err error
			if data, err = t.Bytes(); err != nil {
				return err
			}
			loaded[key] = data
		}
		t.Data, t.src = data, nil
		return nil
	})
}

// eachTensor visits the tensors of a tree in order.
func eachTensor(v any, visit func(*Tensor) error) error {
	switch v := v.(type) {
	case *Tensor:
		return visit(v)
	case *Dict:
		return eachOf(v.values, visit)
	case []any:
		return eachOf(v, visit)
	case Tuple:
		return eachOf(v, visit)
	}
	return nil
}

func eachOf(items []any, visit func(*Tensor) error) error {
	for _, v := range items {
		if err := eachTensor(v, visit); err != nil {
			return err
		}
	}
	return nil
}
