package pt

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Tensor is a dense tensor: in memory, or in an open File until it is read.
type Tensor struct {
	DType DType
	Shape []int
	// Data holds the elements, contiguous and little-endian. Write borrows it: it must not change meanwhile.
	// In a tensor that Open found it is nil: ReadInto and Bytes fetch the elements from the file.
	Data []byte

	src  *view
	lazy func(dst []byte) error
}

// Lazy is a tensor whose elements read fetches, contiguous and little-endian, each time they are asked for: Write then
// needs memory for one tensor at a time.
func Lazy(dtype DType, shape []int, read func(dst []byte) error) *Tensor {
	return &Tensor{DType: dtype, Shape: shape, lazy: read}
}

// Numel is the number of elements: the product of the shape, 1 for a tensor without dimensions.
func (t *Tensor) Numel() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// NumBytes is the length of the contiguous elements in bytes.
func (t *Tensor) NumBytes() int { return t.Numel() * t.DType.Size() }

// Bytes returns the elements, contiguous and little-endian: Data, or what a fresh read of the file gives.
func (t *Tensor) Bytes() ([]byte, error) {
	if t.src == nil && t.lazy == nil {
		return t.Data, nil
	}
	dst := make([]byte, t.NumBytes())
	return dst, t.ReadInto(dst)
}

// ReadInto fills dst, of length NumBytes, with the elements, contiguous and little-endian. Views with strides are
// gathered. It is an error when the file is damaged (CRC-32) or closed; dst then holds nothing of use.
// It may be called from several goroutines at once.
func (t *Tensor) ReadInto(dst []byte) error {
	if want := t.NumBytes(); len(dst) != want {
		return fmt.Errorf("pt: read tensor: %s %v takes %d bytes, the buffer has %d", t.DType, t.Shape, want, len(dst))
	}
	if t.lazy != nil {
		return t.lazy(dst)
	}
	if t.src == nil {
		if len(t.Data) != len(dst) {
			return fmt.Errorf("pt: read tensor: %s %v holds %d bytes, not %d", t.DType, t.Shape, len(t.Data), len(dst))
		}
		copy(dst, t.Data)
		return nil
	}
	return t.src.readInto(dst, t.Shape, t.DType.Size())
}

// Check reports a dtype, shape and Data that do not belong together: what Write would refuse. Products are bounded, so Numel
// cannot overflow after it.
func (t *Tensor) Check() error {
	if !t.DType.Valid() {
		return fmt.Errorf("tensor of shape %v has no dtype", t.Shape)
	}
	n, err := payload(t.Shape, t.DType.Size())
	if err != nil {
		return err
	}
	if t.src == nil && t.lazy == nil && int64(len(t.Data)) != n {
		return fmt.Errorf("%s %v takes %d bytes, Data has %d", t.DType, t.Shape, n, len(t.Data))
	}
	return nil
}

// payload is the size in bytes of a contiguous tensor; negative dimensions and overflow are errors.
func payload(shape []int, size int) (int64, error) {
	n, empty := int64(size), false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		case d == 0:
			empty = true
		case n > math.MaxInt64/int64(d):
			return 0, fmt.Errorf("shape %v is too large", shape)
		default:
			n *= int64(d)
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// Number is what Of and Values convert.
type Number interface {
	float32 | float64 | uint8 | int8 | int16 | int32 | int64 | bool | uint16 | uint32 | uint64
}

func dtypeOf[T Number]() DType {
	var zero T
	return map[string]DType{
		"float32": Float32, "float64": Float64, "uint8": Uint8, "int8": Int8, "int16": Int16, "int32": Int32,
		"int64": Int64, "bool": Bool, "uint16": Uint16, "uint32": Uint32, "uint64": Uint64,
	}[fmt.Sprintf("%T", zero)]
}

// Of makes a tensor with a copy of values, of the dtype with T's name. Without a shape it has one dimension;
// Scalar makes one that has none.
func Of[T Number](values []T, shape ...int) *Tensor {
	if shape == nil {
		shape = []int{len(values)}
	}
	data, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(fmt.Sprintf("pt: a %T has no fixed size: %v", values, err)) // no type of Number does that
	}
	return &Tensor{DType: dtypeOf[T](), Shape: shape, Data: data}
}

// Scalar makes a tensor without dimensions, as the `step` of an optimizer's state is.
func Scalar[T Number](value T) *Tensor { return Of([]T{value}, []int{}...) }

// Values returns a tensor's elements in row-major order; its dtype must be the one with T's name.
func Values[T Number](t *Tensor) ([]T, error) {
	if want := dtypeOf[T](); t.DType != want {
		return nil, fmt.Errorf("pt: values: the tensor is %s, not %s", t.DType, want)
	}
	data, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	values := make([]T, len(data)/t.DType.Size())
	if _, err := binary.Decode(data, binary.LittleEndian, values); err != nil {
		return nil, fmt.Errorf("pt: values: %w", err)
	}
	return values, nil
}
