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
	s.check("adam")
	p, m, v, n := handles(st.Params), handles(st.ExpAvg), handles(st.ExpAvgSq), handles(st.Steps)
	largest := handles(st.MaxExpAvgSq)
	s.must("adam", C.gt_adam_step(s.h, first(p), first(m), first(v), first(largest), first(n), C.int(len(p)),
		given("adam", a.LR), C.double(a.Beta1), C.double(a.Beta2), C.double(a.Eps), C.double(a.WeightDecay), cbool(a.Decoupled)))
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
	s.check("sgd")
	p, b := handles(params), handles(buffers)
	s.must("sgd", C.gt_sgd_step(s.h, first(p), first(b), C.int(len(p)), given("sgd", a.LR), optional("sgd", a.Momentum),
		C.double(a.WeightDecay), cbool(a.Nesterov)))
}

// ClipGradNorm scales the gradients of params so that their norm, as of one vector, is maxNorm at most, and returns what it
// was: 0-dim on the device, in s. Nothing is read back. PyTorch: torch.nn.utils.clip_grad_norm_.
func (s *Scope) ClipGradNorm(params []Tensor, maxNorm float64) Tensor {
	s.open("clip_grad_norm_")
	p := handles(params)
	return s.made("clip_grad_norm_", C.gt_clip_grad_norm(s.h, first(p), C.int(len(p)), C.double(maxNorm)))
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

// ZeroGrad drops the gradients of params. PyTorch: zero_grad(set_to_none=True).
func (s *Scope) ZeroGrad(params []Tensor) {
	s.check("zero_grad")
	p := handles(params)
	s.must("zero_grad", C.gt_zero_grad(s.h, first(p), C.int(len(p))))
}

// MeterAdd adds 0-dim values to the first places of sums, a float64 [len(values)+2] on the device, and 1 to the next.
// The last place keeps the count at which a value was first not finite; 0: never. Nothing is read back.
func (s *Scope) MeterAdd(sums Tensor, values ...Tensor) {
	s.check("meter")
	v := handles(values)
	s.must("meter", C.gt_meter_add(s.h, sums.h, first(v), C.int(len(v))), sums)
}
