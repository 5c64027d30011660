package torch

/*
#include "gotorch.h"
*/
import "C"

// This file holds whole optimizer steps, a call each; package optim gives them their state. A step updates the
// parameters that have a gradient, and drops the gradients.
//
// A rate, a momentum and a decay are float64 0-dim tensors on the scope's device: fill them, and the next step, or the
// next replay of a captured one, goes by what they hold.

// AdamState is what a step of Adam works on: a tensor a parameter in each list. Steps are float32 0-dim.
type AdamState struct{ Params, ExpAvg, ExpAvgSq, Steps []Tensor }

// AdamOptions holds a step's numbers. PyTorch: torch.optim.Adam (decoupled_weight_decay off).
type AdamOptions struct {
	LR                             Tensor // on CUDA the fused kernel takes it as float32
	Beta1, Beta2, Eps, WeightDecay float64
}

// AdamStep runs one fused step.
func (s *Scope) AdamStep(st AdamState, a AdamOptions) {
	s.check("adam")
	p, m, v, n := handles(st.Params), handles(st.ExpAvg), handles(st.ExpAvgSq), handles(st.Steps)
	s.must("adam", C.gt_adam_step(s.h, first(p), first(m), first(v), first(n), C.int(len(p)),
		given("adam", a.LR), C.double(a.Beta1), C.double(a.Beta2), C.double(a.Eps), C.double(a.WeightDecay)))
}

// SGDOptions holds a step's numbers. PyTorch: torch.optim.SGD without dampening or Nesterov.
type SGDOptions struct {
	LR          Tensor // on CUDA, without momentum, the fused kernel takes it as float32
	Momentum    Tensor // above 0; the zero Tensor: none
	WeightDecay float64
}

// SGDStep runs one step: fused, but for a momentum on CUDA, which takes foreach kernels. buffers are nil where there is
// no momentum; they begin as zeros, which without dampening makes of them what torch.optim makes at the first step: the
// gradients.
func (s *Scope) SGDStep(params, buffers []Tensor, a SGDOptions) {
	s.check("sgd")
	p, b := handles(params), handles(buffers)
	s.must("sgd", C.gt_sgd_step(s.h, first(p), first(b), C.int(len(p)), given("sgd", a.LR), optional("sgd", a.Momentum),
		C.double(a.WeightDecay)))
}

// RMSpropState is what a step of RMSprop works on. Momentum is nil where there is none.
type RMSpropState struct{ Params, SquareAvg, Momentum, Steps []Tensor }

// RMSpropOptions holds a step's numbers. PyTorch: torch.optim.RMSprop, not centered.
type RMSpropOptions struct {
	LR          Tensor
	Alpha, Eps  float64
	Momentum    Tensor // above 0; the zero Tensor: none
	WeightDecay float64
}

// RMSpropStep runs one step with foreach kernels.
func (s *Scope) RMSpropStep(st RMSpropState, a RMSpropOptions) {
	s.check("rmsprop")
	p, v, b, n := handles(st.Params), handles(st.SquareAvg), handles(st.Momentum), handles(st.Steps)
	s.must("rmsprop", C.gt_rmsprop_step(s.h, first(p), first(v), first(b), first(n), C.int(len(p)), given("rmsprop", a.LR),
		C.double(a.Alpha), C.double(a.Eps), optional("rmsprop", a.Momentum), C.double(a.WeightDecay)))
}

// Average moves avg towards of, pair by pair: avg += (1-decay)*(of-avg); copies become what ofCopies are. One call does
// all of it. The decay may be the zero Tensor where there are copies alone.
func (s *Scope) Average(avg, of []Tensor, decay Tensor, copies, ofCopies []Tensor) {
	s.check("average")
	if len(avg) != len(of) || len(copies) != len(ofCopies) {
		misuse("average", Failed, "%d and %d parameters, %d and %d buffers", len(avg), len(of), len(copies), len(ofCopies))
	}
	d := optional("average", decay)
	if len(avg) > 0 {
		d = given("average", decay)
	}
	a, o, c, b := handles(avg), handles(of), handles(copies), handles(ofCopies)
	s.must("average", C.gt_average(s.h, first(a), first(o), C.int(len(a)), d, first(c), first(b), C.int(len(c))))
}

// given is the handle of a number that a step cannot do without.
func given(op string, t Tensor) *C.gt_tensor {
	t.s.check(op)
	return t.h
}

// optional is the handle of a number, or nil where there is none.
func optional(op string, t Tensor) *C.gt_tensor {
	if !t.Valid() {
		return nil
	}
	return given(op, t)
}

// Count adds 1 to each of some integer tensors: batches seen, of several layers at once.
func (s *Scope) Count(counters ...Tensor) {
	s.check("count")
	c := handles(counters)
	s.must("count", C.gt_count(s.h, first(c), C.int(len(c))), counters...)
}

// ZeroGrad drops the gradients of params. PyTorch: zero_grad(set_to_none=True).
func (s *Scope) ZeroGrad(params []Tensor) {
	s.check("zero_grad")
	p := handles(params)
	s.must("zero_grad", C.gt_zero_grad(s.h, first(p), C.int(len(p))))
}

// MeterAdd adds 0-dim values to the first places of sums, a float64 [len(values)+2] on the device, and 1 to the next.
// The last place counts the calls since a value was first not finite, that one included; 0: never. Nothing is read back.
func (s *Scope) MeterAdd(sums Tensor, values ...Tensor) {
	s.check("meter")
	v := handles(values)
	s.must("meter", C.gt_meter_add(s.h, sums.h, first(v), C.int(len(v))), sums)
}
