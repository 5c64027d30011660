package pt

import (
	"errors"
	"fmt"
	"math"
)

// maxDims bounds a tensor's dimensions; PyTorch's own kernels take 25.
const maxDims = 64

var errArguments = errors.New("arguments that torch.save does not write: the file is damaged")

// rebuildTensorV2 is (storage, storage_offset, size, stride, requires_grad, backward_hooks[, metadata]).
func (m *machine) rebuildTensorV2(args Tuple) (any, error) {
	if len(args) != 6 && len(args) != 7 {
		return nil, errArguments
	}
	s, ok := args[0].(*storage)
	if !ok || s.dtype == 0 {
		return nil, errArguments
	}
	return m.rebuild(s, s.dtype, args, args[6:])
}

// rebuildTensorV3 is (storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype[, metadata]) with an
// UntypedStorage.
func (m *machine) rebuildTensorV3(args Tuple) (any, error) {
	if len(args) != 7 && len(args) != 8 {
		return nil, errArguments
	}
	s, ok := args[0].(*storage)
	dtype, isDType := args[6].(DType)
	if !ok || s.dtype != 0 || !isDType {
		return nil, errArguments
	}
	return m.rebuild(s, dtype, args, args[7:])
}

func (m *machine) rebuild(s *storage, dtype DType, args, metadata Tuple) (any, error) {
	if len(metadata) == 1 {
		// It marks conjugated and negated views, whose storage holds other values than the tensor.
		if d, ok := metadata[0].(*Dict); !ok || d.Len() > 0 {
			return nil, fmt.Errorf("a lazily conjugated or negated tensor: save tensor.resolve_conj().resolve_neg()")
		}
	}
	off, ok := args[1].(int64)
	size, sizeOK := ints(args[2])
	strides, stridesOK := ints(args[3])
	if !ok || !sizeOK || !stridesOK || len(size) != len(strides) {
		return nil, errArguments
	}
	shape := make([]int, len(size))
	for i, d := range size {
		if d > math.MaxInt {
			return nil, errArguments
		}
		shape[i] = int(d)
	}
	t, err := newView(s, dtype, off, shape, strides)
	if err != nil {
		return nil, err
	}
	if m.payload -= int64(t.NumBytes()); m.payload < 0 {
		return nil, fmt.Errorf("its tensors are views that take far more memory than the file: save tensor.clone() in Python")
	}
	return t, nil
}

func ints(v any) ([]int64, bool) {
	tuple, ok := v.(Tuple)
	if !ok || len(tuple) > maxDims {
		return nil, false
	}
	out := make([]int64, len(tuple))
	for i, x := range tuple {
		if out[i], ok = x.(int64); !ok {
			return nil, false
		}
	}
	return out, true
}

// rebuildParameter is (data, requires_grad, backward_hooks).
func (m *machine) rebuildParameter(args Tuple) (any, error) {
	if len(args) != 3 {
		return nil, errArguments
	}
	t, ok := args[0].(*Tensor)
	if !ok {
		return nil, errArguments
	}
	return t, nil
}
