package onnx

import (
	"fmt"
	"math"

	"forger/torch/pt"
)

// dataTypes holds the values of TensorProto.DataType. The types of 8 bits that PyTorch calls float8 came with IR version 9.
var dataTypes = map[pt.DType]int64{
	pt.Float32: 1, pt.Uint8: 2, pt.Int8: 3, pt.Uint16: 4, pt.Int16: 5, pt.Int32: 6, pt.Int64: 7, pt.Bool: 9, pt.Float16: 10,
	pt.Float64: 11, pt.Uint32: 12, pt.Uint64: 13, pt.Complex64: 14, pt.Complex128: 15, pt.BFloat16: 16,
}

func checkType(d pt.DType) error {
	if _, ok := dataTypes[d]; ok {
		return nil
	}
	if !d.Valid() {
		return fmt.Errorf("it has no type: set one, such as %v", pt.Float32)
	}
	return fmt.Errorf("%v has no place in IR version %d: convert it to %v", d, irVersion, pt.Float32)
}

// numBytes is the size of the elements. Negative dimensions and what no address could reach are errors.
func (t *Tensor) numBytes() (int64, error) {
	n, empty := int64(t.DType.Size()), false
	for _, d := range t.Shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("shape %v has a negative dimension", t.Shape)
		case d == 0:
			empty = true
		case n > math.MaxInt64/int64(d):
			return 0, fmt.Errorf("shape %v: %w", t.Shape, errTooLarge)
		default:
			n *= int64(d)
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}
