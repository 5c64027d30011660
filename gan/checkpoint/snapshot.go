package checkpoint

import (
	"forger/torch"
	"forger/torch/pt"
)

// HostCopy is how a checkpoint takes a tensor from the device.
type HostCopy func(torch.Tensor) *pt.Tensor

var ptTypes = map[torch.DType]pt.DType{
	torch.Float32: pt.Float32, torch.Float64: pt.Float64, torch.Uint8: pt.Uint8, torch.Int64: pt.Int64,
	torch.Bool: pt.Bool, torch.BFloat16: pt.BFloat16, torch.Float16: pt.Float16, torch.Int32: pt.Int32,
}

// Snapshot copies tensors to the host at once, into memory that the next snapshot uses again: the training then goes on
// while a file is written from it.
type Snapshot struct {
	buffers [][]byte
	used    int
}

// Reset begins the next snapshot; what the last one gave out is overwritten.
func (s *Snapshot) Reset() { s.used = 0 }

// Take is a HostCopy. Snapshots of one run take the same tensors in the same order.
func (s *Snapshot) Take(t torch.Tensor) *pt.Tensor {
	host := describe(t)
	if s.used == len(s.buffers) {
		s.buffers = append(s.buffers, nil)
	}
	if len(s.buffers[s.used]) != host.NumBytes() {
		s.buffers[s.used] = make([]byte, host.NumBytes())
	}
	host.Data = s.buffers[s.used]
	s.used++
	t.ReadInto(host.Data)
	return host
}

// OnDemand is a HostCopy that leaves the tensor on the device until its bytes are written: it needs no memory beside
// the tensors, and the training must stand still meanwhile.
func OnDemand(t torch.Tensor) *pt.Tensor {
	host := describe(t)
	return pt.Lazy(host.DType, host.Shape, func(dst []byte) (err error) {
		defer torch.Catch(&err)
		t.ReadInto(dst)
		return nil
	})
}

func describe(t torch.Tensor) *pt.Tensor {
	info := t.Info()
	return &pt.Tensor{DType: ptTypes[info.DType], Shape: info.Shape}
}
