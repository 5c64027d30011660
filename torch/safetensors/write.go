package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"forger/internal/atomicfile"
	"forger/torch/pt"
)

// maxHeader is the format's own bound on the JSON header, in bytes.
const maxHeader = 100_000_000

// metadataKey is the one name that no tensor may have.
const metadataKey = "__metadata__"

// item is one tensor on its way into a file.
type item struct {
	name   string
	tensor *pt.Tensor
	rank   int
}

// writeTo writes named tensors and the metadata (nil: none) to w, in the order and with the header of the format's own
// writer. Nothing is buffered but the header. Tensors over the same memory are written each on its own.
func writeTo(w io.Writer, tensors *pt.Dict, metadata map[string]string) error {
	if err := write(w, tensors, metadata); err != nil {
		return fmt.Errorf("safetensors: write: %w", err)
	}
	return nil
}

// WriteFile writes to path: beside its name first, flushed to the disk, then renamed. On failure path is as it was.
func WriteFile(path string, tensors *pt.Dict, metadata map[string]string) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return write(w, tensors, metadata) })
	if err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	return nil
}

func write(w io.Writer, tensors *pt.Dict, metadata map[string]string) error {
	items, err := sorted(tensors)
	if err != nil {
		return err
	}
	header, err := makeHeader(items, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, it := range items {
		data, err := it.tensor.Bytes()
		if err != nil {
			return fmt.Errorf("%s: %w", it.name, err)
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// sorted lists the tensors by falling rank of their dtype, then by name.
func sorted(tensors *pt.Dict) ([]item, error) {
	items := make([]item, 0, tensors.Len())
	for k, v := range tensors.All() {
		name, named := k.(string)
		tensor, isTensor := v.(*pt.Tensor)
		if !named || !isTensor || tensor == nil {
			return nil, fmt.Errorf("%v holds a %T: only named tensors have a place in a safetensors file", k, v)
		}
		if name == metadataKey {
			return nil, fmt.Errorf("a tensor is named %s, which the format keeps for itself", name)
		}
		if err := tensor.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		rank, err := rankOf(tensor.DType)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		items = append(items, item{name, tensor, rank})
	}
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.name, b.name))
	})
	return items, nil
}

// makeHeader is the length and the JSON, filled up with spaces so that the elements start at a multiple of eight.
func makeHeader(items []item, metadata map[string]string) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 8))
	buf.WriteByte('{')
	if metadata != nil {
		if err := field(buf, metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	var off int64
	for _, it := range items {
		end := off + int64(it.tensor.NumBytes())
		shape := it.tensor.Shape
		if shape == nil {
			shape = []int{}
		}
		err := field(buf, it.name, place{DType: dtypes[it.rank].name, Shape: shape, Offsets: []int64{off, end}})
		if err != nil {
			return nil, err
		}
		off = end
	}
	buf.WriteByte('}')
	for buf.Len()%8 != 0 {
		buf.WriteByte(' ')
	}
	n := buf.Len() - 8
	if n > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes is more than the format's %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(buf.Bytes(), uint64(n))
	return buf.Bytes(), nil
}

// field appends a key and its value, with a comma where one is due.
func field(buf *bytes.Buffer, key string, value any) error {
	if buf.Len() > len("12345678{") {
		buf.WriteByte(',')
	}
	if err := encode(buf, key); err != nil {
		return err
	}
	buf.WriteByte(':')
	return encode(buf, value)
}

func encode(buf *bytes.Buffer, value any) error {
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	buf.Truncate(buf.Len() - 1) // the encoder's newline
	return nil
}
