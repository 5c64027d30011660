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

// AdamState is what a step of Adam works on: a tensor a parameter in each list. Steps are float32 0-dim; MaxExpAvgSq is
// nil unless AMSGrad.
type AdamState struct{ Params, ExpAvg, ExpAvgSq, MaxExpAvgSq, Steps []Tensor }

// AdamOptions holds a step's numbers. PyTorch: torch.optim.Adam, and AdamW where Decoupled.
type AdamOptions struct {
	LR                             Tensor // on CUDA the fused kernel takes it as float32
	Beta1, Beta2, Eps, WeightDecay float64
	Decoupled                      bool // weight decay shrinks the parameters themselves (Loshchilov and Hutter 2019)
	AMSGrad                        bool // by the largest second moment so far (Reddi et al. 2018)
}

// AdamStep runs one fused step.
func (s *Scope) AdamStep(st AdamState, a AdamOptions) {
	const op = "adam"
	s.check(op)
	n := len(st.Params)
	var largest **C.gt_tensor
	if a.AMSGrad {
		largest = each(op, s, n, st.MaxExpAvgSq)
	}
	s.must(op, C.gt_adam_step(s.h, each(op, s, n, st.Params), each(op, s, n, st.ExpAvg), each(op, s, n, st.ExpAvgSq), largest,
		each(op, s, n, st.Steps), C.int(n), handle(op, s, a.LR), C.double(a.Beta1), C.double(a.Beta2), C.double(a.Eps),
		C.double(a.WeightDecay), cbool(a.Decoupled)))
}

// SGDOptions holds a step's numbers. PyTorch: torch.optim.SGD without dampening.
type SGDOptions struct {
	LR          Tensor // on CUDA, without momentum, the fused kernel takes it as float32
	Momentum    Tensor // above 0; the zero Tensor: none
	WeightDecay float64
	Nesterov    bool // needs a Momentum
}

// SGDStep runs one step: fused, but for a momentum on CUDA, which takes foreach kernels. buffers are nil where there is
// no momentum; they begin as zeros, which without dampening makes of them what torch.optim makes at the first step: the
// gradients.
func (s *Scope) SGDStep(params, buffers []Tensor, a SGDOptions) {
	const op = "sgd"
	s.check(op)
	n := len(params)
	s.must(op, C.gt_sgd_step(s.h, each(op, s, n, params), eachOf(op, s, n, buffers, a.Momentum), C.int(n),
		handle(op, s, a.LR), optional(op, s, a.Momentum), C.double(a.WeightDecay), cbool(a.Nesterov)))
}

// ClipGradNorm scales the gradients of params so that their norm, as of one vector, is maxNorm at most, and returns what it
// was: 0-dim on the device, in s. With an infinite maxNorm they stay as they are. Nothing is read back. PyTorch:
// torch.nn.utils.clip_grad_norm_.
func (s *Scope) ClipGradNorm(params []Tensor, maxNorm float64) Tensor {
	const op = "clip_grad_norm_"
	s.open(op)
	return s.made(op, C.gt_clip_grad_norm(s.h, each(op, s, len(params), params), C.int(len(params)), C.double(maxNorm)))
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
	const op = "rmsprop"
	s.check(op)
	n := len(st.Params)
	s.must(op, C.gt_rmsprop_step(s.h, each(op, s, n, st.Params), each(op, s, n, st.SquareAvg),
		eachOf(op, s, n, st.Momentum, a.Momentum), each(op, s, n, st.Steps), C.int(n), handle(op, s, a.LR),
		C.double(a.Alpha), C.double(a.Eps), optional(op, s, a.Momentum), C.double(a.WeightDecay)))
}

// Average moves avg towards of, pair by pair: avg += (1-decay)*(of-avg); copies become what ofCopies are. One call does
// all of it. The decay may be the zero Tensor where there are copies alone.
func (s *Scope) Average(avg, of []Tensor, decay Tensor, copies, ofCopies []Tensor) {
	const op = "average"
	s.check(op)
	n, m := len(avg), len(copies)
	d := optional(op, s, decay)
	if n > 0 {
		d = handle(op, s, decay)
	}
	s.must(op, C.gt_average(s.h, each(op, s, n, avg), each(op, s, n, of), C.int(n), d, each(op, s, m, copies),
		each(op, s, m, ofCopies), C.int(m)))
}

// each is the handles of a list that has a tensor for each of n parameters.
func each(op string, s *Scope, n int, list []Tensor) **C.gt_tensor {
	if len(list) != n {
		misuse(op, Failed, "%d tensors for %d: give one for each", len(list), n)
	}
	return first(handles(op, s, list))
}

// eachOf is each where there is a momentum, and nil where there is none.
func eachOf(op string, s *Scope, n int, list []Tensor, momentum Tensor) **C.gt_tensor {
	if !momentum.Valid() {
		return nil
	}
	return each(op, s, n, list)
}

// Count adds 1 to each of some integer tensors: batches seen, of several layers at once.
func (s *Scope) Count(counters ...Tensor) {
	s.check("count")
	c := handles("count", s, counters)
	s.must("count", C.gt_count(s.h, first(c), C.int(len(c))), counters...)
}

// ZeroGrad drops the gradients of params. PyTorch: zero_grad(set_to_none=True).
func (s *Scope) ZeroGrad(params []Tensor) {
	s.check("zero_grad")
	p := handles("zero_grad", s, params)
	s.must("zero_grad", C.gt_zero_grad(s.h, first(p), C.int(len(p))))
}

// MeterAdd adds 0-dim values to the first places of sums, a float64 [len(values)+2] on the device, and 1 to the next.
// The last place counts the calls since a value was first not finite, that one included; 0: never. Nothing is read back.
func (s *Scope) MeterAdd(sums Tensor, values ...Tensor) {
	s.check("meter")
	v := handles("meter", s, values)
	s.must("meter", C.gt_meter_add(s.h, handle("meter", s, sums), first(v), C.int(len(v))), sums)
}
