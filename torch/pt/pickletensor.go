package pt

import (
	"fmt"
	"strconv"
	"unsafe"
)

// tensor writes a call of torch._utils._rebuild_tensor_v2(storage, 0, size, stride, requires_grad, backward_hooks), or of
// _rebuild_tensor_v3, which takes the dtype too, for the types without a storage class.
func (p *pickler) tensor(t *Tensor) error {
	if t == nil {
		return fmt.Errorf("nil *Tensor")
	}
	if err := t.Check(); err != nil {
		return err
	}
	typed := dtypes[t.DType].storage != ""
	if typed {
		p.global("torch._utils", "_rebuild_tensor_v2")
	} else {
		p.global("torch._utils", "_rebuild_tensor_v3")
	}
	p.op(opMark)
	if err := p.storage(t, typed); err != nil {
		return err
	}
	p.int(0)
	p.ints(t.Shape)
	p.ints(contiguousStrides(t.Shape))
	p.op(opNewFalse)
	p.emptyOrderedDict()
	if !typed {
		p.global("torch", t.DType.String())
	}
	p.op(opTuple, opReduce)
	return nil
}

// storage writes the persistent id ('storage', class, number, 'cpu', numel).
func (p *pickler) storage(t *Tensor, typed bool) error {
	key := storageKey(t)
	i, seen := p.number[key]
	if !seen {
		i = len(p.storages)
		p.number[key] = i
		p.storages = append(p.storages, t)
	}
	p.op(opMark)
	if err := p.string("storage"); err != nil {
		return err
	}
	numel := t.Numel()
	if typed {
		p.global("torch", dtypes[t.DType].storage)
	} else {
		p.global("torch.storage", "UntypedStorage")
		numel = t.NumBytes()
	}
	if err := p.string(strconv.Itoa(i)); err != nil {
		return err
	}
	if err := p.string("cpu"); err != nil {
		return err
	}
	p.int(int64(numel))
	p.op(opTuple, opBinPersID)
	return nil
}

// storageKey tells storages apart: the same memory, or place in a file, with the same type is one storage.
func storageKey(t *Tensor) any {
	type memory struct {
		at  *byte
		len int
		as  DType
	}
	type place struct {
		s        *storage
		off, len int64
		as       DType
	}
	switch {
	case t.src != nil && t.src.contiguous(t.Shape, t.DType.Size()):
		return place{t.src.s, t.src.off, int64(t.NumBytes()), t.DType}
	case len(t.Data) > 0:
		return memory{unsafe.SliceData(t.Data), len(t.Data), t.DType}
	}
	return t
}

func (p *pickler) ints(v []int) {
	if len(v) == 0 {
		p.op(opEmptyTuple)
		return
	}
	p.op(opMark)
	for _, n := range v {
		p.int(int64(n))
	}
	p.op(opTuple)
}

// contiguousStrides is how torch.empty(shape) counts: row-major, in elements.
func contiguousStrides(shape []int) []int {
	strides := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = n
		n *= max(shape[i], 1)
	}
	return strides
}
