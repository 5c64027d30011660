package safetensors

import (
	"errors"
	"fmt"
	"io"
	"os"

	"forger/torch/pt"
)

// File is an open safetensors file. Its tensors stay in the file until they are asked for and cannot be read after
// Close. It is safe for concurrent use.
type File struct {
	tensors  *pt.Dict
	metadata map[string]string
	closer   io.Closer
}

// Open opens a file and reads its header. The format has no checksum: what is found is a header that does not fit the file.
func Open(path string) (*File, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: open %s: %w", path, err)
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
		if cerr := osFile.Close(); cerr != nil {
			err = fmt.Errorf("%w; then %w", err, cerr)
		}
		return nil, err
	}
	f.closer = osFile
	return f, nil
}

func openRegular(osFile *os.File) (*File, error) {
	info, err := osFile.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return parse(osFile, info.Size())
}

// newFile reads from r, which holds size bytes; closing it does not close r.
func newFile(r io.ReaderAt, size int64) (*File, error) {
	f, err := parse(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: open: %w", err)
	}
	return f, nil
}

// Tensors are the file's tensors by name, in the order of its header.
func (f *File) Tensors() *pt.Dict { return f.tensors }

// Metadata is the text under __metadata__, nil where there is none.
func (f *File) Metadata() map[string]string { return f.metadata }

// Close releases the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// loadAll reads all tensors of a file into memory.
func loadAll(path string) (*pt.Dict, error) {
	f, err := openFile(path)
	var tensors *pt.Dict
	if err == nil {
		tensors, err = f.load()
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("safetensors: load %s: %w", path, err)
	}
	return tensors, nil
}

func (f *File) load() (*pt.Dict, error) {
	loaded := pt.NewOrderedDict()
	for k, v := range f.tensors.All() {
		t := v.(*pt.Tensor)
		data, err := t.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%v: %w", k, err)
		}
		loaded.Set(k.(string), &pt.Tensor{DType: t.DType, Shape: t.Shape, Data: data})
	}
	return loaded, nil
}
