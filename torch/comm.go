package torch

/*
#include "gotorch.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// Comm joins the processes of a world: what one of its calls does, every rank of the world must ask for, in the same order,
// with tensors of the same size and dtype. A call panics with code PeerLost where a rank is lost, and so does every later
// one; on the CPU also where one is silent for longer than the Comm's time-out, which is what becomes of ranks that do not
// ask for the same. On CUDA nothing waits: calls are queued on the scope's stream, can be captured, and a lost rank stops
// the device, which Check tells and Abort ends; ranks that do not ask for the same are the caller's to prevent.
type Comm struct {
	mu         sync.RWMutex // held for writing to free h
	h          *C.gt_comm
	rank, size int
}

// Rank is this process's place in the world, 0 to Size-1.
func (c *Comm) Rank() int {
	c.check("comm.rank")
	return c.rank
}

// Size is how many processes there are.
func (c *Comm) Size() int {
	c.check("comm.size")
	return c.size
}

// Sum makes t, on every rank, the sum of all ranks' t: the same bits on each. It records no graph. The dtype is float32, float64,
// int64 or int32, and on CUDA any but bool. PyTorch: torch.distributed.all_reduce.
func (c *Comm) Sum(t Tensor) {
	const op = "all_reduce"
	t.s.check(op)
	defer c.use(op)()
	t.s.must(op, C.gt_comm_sum(t.s.h, c.h, t.h), t)
}

// Broadcast makes t, on every rank, what it is on rank root. It records no graph. PyTorch: torch.distributed.broadcast.
func (c *Comm) Broadcast(t Tensor, root int) {
	const op = "broadcast"
	t.s.check(op)
	defer c.use(op)()
	if root < 0 || root >= c.size {
		misuse(op, Failed, "there is no rank %d of %d", root, c.size)
	}
	t.s.must(op, C.gt_comm_broadcast(t.s.h, c.h, t.h, C.int(root)), t)
}

// Total is the sum of all ranks' t, of t's shape, which can be differentiated any number of times: a gradient of it is the sum
// of all ranks' gradients, so that every rank must differentiate it. PyTorch: torch.distributed.nn.functional.all_reduce.
func (c *Comm) Total(t Tensor) Tensor {
	const op = "all_reduce"
	s := t.one(op)
	defer c.use(op)()
	return s.made(op, C.gt_comm_total(s.h, c.h, t.h), t)
}

// SumGradients makes the gradient of each of params the sum over all ranks of weight times theirs, in one exchange. Those without
// a gradient are left out, on every rank alike. Shares of a batch as weights give the gradient of a mean over the whole batch.
// PyTorch: torch.nn.parallel.DistributedDataParallel, where weight is 1/Size.
func (c *Comm) SumGradients(params []Tensor, weight float64) {
	const op = "all_reduce"
	if len(params) == 0 {
		return
	}
	s := params[0].s
	s.check(op)
	p := handles(op, s, params)
	defer c.use(op)()
	s.must(op, C.gt_comm_sum_gradients(s.h, c.h, first(p), C.int(len(p)), C.double(weight)))
}

// Check is an error of code PeerLost where NCCL has found a rank lost while the device worked; on the CPU the calls that wait
// see it themselves. It may be called from any goroutine.
func (c *Comm) Check() error {
	c.check("comm.check")
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.h == nil {
		return &Error{"comm.check", Released, "it was closed before"}
	}
	var why reason
	return why.failure("comm.check", C.gt_comm_check(c.h, why.at(), why.room()))
}

// Abort gives the world up: calls that wait, here and on the other ranks, fail with code PeerLost. It may be called from any
// goroutine; Close is still to come.
func (c *Comm) Abort() {
	c.check("comm.abort")
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.h != nil {
		C.gt_comm_abort(c.h)
	}
}

// Close leaves the world, after the calls that are on. Graphs that were captured with it must be freed before. A second Close does
// nothing.
func (c *Comm) Close() {
	c.check("comm.close")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.h != nil {
		C.gt_comm_free(c.h)
		c.h = nil
	}
}

// check panics unless c was made by NewComm.
func (c *Comm) check(op string) {
	if c == nil || c.size == 0 {
		misuse(op, NotInitialised, "the Comm was never made")
	}
}

// use keeps c from being closed until what it returns is called.
func (c *Comm) use(op string) (done func()) {
	c.check(op)
	c.mu.RLock()
	if c.h == nil {
		c.mu.RUnlock()
		misuse(op, Released, "the Comm was closed before")
	}
	return c.mu.RUnlock
}

// reason takes what a call without a scope has to say.
type reason [1024]byte

func (r *reason) at() *C.char    { return (*C.char)(unsafe.Pointer(&r[0])) }
func (r *reason) room() C.size_t { return C.size_t(len(r)) }

// failure is a call's error by its code; nil for GT_OK.
func (r *reason) failure(op string, code C.int) error {
	if code == C.GT_OK {
		return nil
	}
	return &Error{op, Code(code), oneLine(cString(r[:]))}
}
