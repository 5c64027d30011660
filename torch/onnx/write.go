package onnx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"forger/internal/atomicfile"
)

// errTooLarge is in the error for a model over protobuf's limit of 2^31-1 bytes.
var errTooLarge = errors.New("protobuf, and so ONNX, allows 2147483647 bytes: store the weights as float16, or use the " +
	"pt or safetensors format")

const maxModel = math.MaxInt32

// Write writes m. What is wrong with the model is told before the first byte is written; that an initializer's Bytes
// failed, or gave another length than its shape, when its turn comes.
func Write(w io.Writer, m *Model) error {
	if err := write(w, m); err != nil {
		return fmt.Errorf("onnx: write: %w", err)
	}
	return nil
}

// WriteFile writes m to path: beside its name first, flushed to the disk, then renamed. On failure path is as it was.
func WriteFile(path string, m *Model) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return write(w, m) })
	if err != nil {
		return fmt.Errorf("onnx: write %s: %w", path, err)
	}
	return nil
}

func write(w io.Writer, m *Model) error {
	if err := check(m); err != nil {
		return err
	}
	pieces, err := modelPieces(m)
	if err != nil {
		return err
	}
	if n := total(pieces); n > maxModel {
		return fmt.Errorf("the model takes %d bytes: %w", n, errTooLarge)
	}
	buf := bufio.NewWriterSize(w, 64<<10) // elements of more than this pass through it uncopied
	for _, p := range pieces {
		if err := p.write(buf); err != nil {
			return err
		}
	}
	return buf.Flush()
}

func (p piece) write(w io.Writer) error {
	if _, err := w.Write(p.head); err != nil || p.tensor == nil {
		return err
	}
	data, err := p.tensor.Bytes()
	if err != nil {
		return fmt.Errorf("initializer %q: %w", p.tensor.Name, err)
	}
	if int64(len(data)) != p.n {
		return fmt.Errorf("initializer %q: %v %v takes %d bytes, Bytes gave %d", p.tensor.Name, p.tensor.DType,
			p.tensor.Shape, p.n, len(data))
	}
	_, err = w.Write(data)
	return err
}
