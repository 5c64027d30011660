package pt

import (
	"errors"
	"fmt"
	"math"
)

// maxDims bounds a tensor's dimensions; PyTorch's own kernels take 25.
const maxDims = 64

var errArguments = errors.New("arguments that torch.save does not write: the file is damaged")

// rebuildTensor is (storage, storage_offset, size, stride).
func (m *machine) rebuildTensor(args Tuple) (any, error) {
	if len(args) != 4 {
		return nil, errArguments
	}
	s, ok := args[0].(*storage)
	if !ok || s.dtype == 0 {
		return nil, errArguments
	}
	return m.rebuild(s, s.dtype, args, nil)
}

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
	if dtype, unread := args[6].(*opaque); unread {
		return &opaque{"a tensor of " + dtype.what}, nil
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
			return &opaque{"a lazily conjugated or negated tensor, which tensor.resolve_conj().resolve_neg() makes plain"}, nil
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

// rebuildParameter is (data, requires_grad, backward_hooks), or of a parameter with attributes (data, requires_grad,
// backward_hooks, state).
func (m *machine) rebuildParameter(args Tuple) (any, error) {
	if len(args) != 3 && len(args) != 4 {
		return nil, errArguments
	}
	return m.parameter(args)
}

// parameter is (data[, ...]): the tensor itself.
func (m *machine) parameter(args Tuple) (any, error) {
	if len(args) == 0 {
		return &opaque{"a parameter without elements"}, nil
	}
	switch data := args[0].(type) {
	case *Tensor, *opaque:
		return data, nil
	}
	return nil, errArguments
}

// rebuildFromType is (function, class, its arguments, state), of a tensor with attributes or of a class of its own.
func (m *machine) rebuildFromType(args Tuple) (any, error) {
	if len(args) != 4 {
		return nil, errArguments
	}
	f, callable := args[0].(*class)
	of, isClass := args[1].(*class)
	inner, ok := args[2].(Tuple)
	if !callable || !isClass || !ok || f.call == nil || f.name == "torch._tensor._rebuild_from_type_v2" {
		return nil, errArguments
	}
	if of.name != "torch.Tensor" && of.name != "torch.nn.parameter.Parameter" {
		return &opaque{"a tensor of a class of its own"}, nil
	}
	return f.call(m, inner)
}
