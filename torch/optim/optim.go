// Package optim holds optimizers: their steps are fused on the device, their state is laid out as torch.optim keeps it.
package optim

import "forger/torch"

// Optimizer trains a list of parameters.
type Optimizer interface {
	// Accumulate adds d(loss)/d(parameter) to this optimizer's own parameters' gradients and to nobody else's, and
	// frees the loss's graph.
	Accumulate(loss torch.Tensor)
	// Step updates the parameters by the accumulated gradients and drops those.
	Step()
	// SetLR changes the learning rate of the steps to come.
	SetLR(lr float64)
	// State lists the state's tensors under torch.optim's names, parameter by parameter: State()[i].
	State() []map[string]torch.Tensor
	// Group is the entry of torch.optim's param_groups but for "params": names to float64, bool, int64 or nil.
	Group() map[string]any
}

// params is what all optimizers share.
type params struct {
	scope *torch.Scope
	list  []torch.Tensor
}

func (p params) Accumulate(loss torch.Tensor) { loss.Backward(p.list...) }

// like makes a tensor of zeros for each parameter, in the scope the optimizer was made in.
func (p params) like() []torch.Tensor {
	made := make([]torch.Tensor, len(p.list))
	for i, t := range p.list {
		made[i] = p.scope.ZerosLike(t)
	}
	return made
}

// counters makes a 0-dim float32 step count for each parameter.
func (p params) counters() []torch.Tensor {
	made := make([]torch.Tensor, len(p.list))
	for i := range made {
		made[i] = p.scope.FullOf(torch.Float32, 0)
	}
	return made
}

// Adam is torch.optim.Adam.
type Adam struct {
	params
	set            torch.AdamOptions
	avg, sq, steps []torch.Tensor
}

// NewAdam makes an optimizer whose state lives in s beside the parameters. PyTorch's eps is 1e-8.
func NewAdam(s *torch.Scope, list []torch.Tensor, a torch.AdamOptions) *Adam {
	p := params{s, list}
	return &Adam{params: p, set: a, avg: p.like(), sq: p.like(), steps: p.counters()}
}

// Step is one fused update.
func (o *Adam) Step() {
	o.scope.AdamStep(torch.AdamState{Params: o.list, ExpAvg: o.avg, ExpAvgSq: o.sq, Steps: o.steps}, o.set)
}

// SetLR changes the learning rate.
func (o *Adam) SetLR(lr float64) { o.set.LR = lr }

// State is step, exp_avg, exp_avg_sq.
func (o *Adam) State() []map[string]torch.Tensor {
	return zip(len(o.list), map[string][]torch.Tensor{"step": o.steps, "exp_avg": o.avg, "exp_avg_sq": o.sq})
}

// Group is what torch.optim.Adam keeps.
func (o *Adam) Group() map[string]any {
	return map[string]any{
		"lr": o.set.LR, "betas": [2]float64{o.set.Beta1, o.set.Beta2}, "eps": o.set.Eps, "weight_decay": o.set.WeightDecay,
		"amsgrad": false, "maximize": false, "foreach": nil, "capturable": false, "differentiable": false, "fused": true,
		"decoupled_weight_decay": false,
	}
}

// SGD is torch.optim.SGD.
type SGD struct {
	params
	set     torch.SGDOptions
	buffers []torch.Tensor
	stepped bool
}

// NewSGD makes an optimizer whose state lives in s beside the parameters.
func NewSGD(s *torch.Scope, list []torch.Tensor, a torch.SGDOptions) *SGD {
	o := &SGD{params: params{s, list}, set: a}
	if a.Momentum != 0 {
		o.buffers = o.like()
	}
	return o
}

// Step is one fused update.
func (o *SGD) Step() {
	o.scope.SGDStep(o.list, o.buffers, o.set, !o.stepped)
	o.stepped = true
}

// SetLR changes the learning rate.
func (o *SGD) SetLR(lr float64) { o.set.LR = lr }

// State is momentum_buffer, once a step was taken with momentum.
func (o *SGD) State() []map[string]torch.Tensor {
	if o.buffers == nil || !o.stepped {
		return make([]map[string]torch.Tensor, len(o.list))
	}
	return zip(len(o.list), map[string][]torch.Tensor{"momentum_buffer": o.buffers})
}

// Group is what torch.optim.SGD keeps.
func (o *SGD) Group() map[string]any {
	return map[string]any{
		"lr": o.set.LR, "momentum": o.set.Momentum, "dampening": 0.0, "weight_decay": o.set.WeightDecay, "nesterov": false,
		"maximize": false, "foreach": nil, "differentiable": false, "fused": true,
	}
}

// RMSprop is torch.optim.RMSprop, not centered.
type RMSprop struct {
	params
	set                    torch.RMSpropOptions
	square, buffers, steps []torch.Tensor
}

// NewRMSprop makes an optimizer whose state lives in s beside the parameters. PyTorch's alpha is .99, its eps 1e-8.
func NewRMSprop(s *torch.Scope, list []torch.Tensor, a torch.RMSpropOptions) *RMSprop {
	p := params{s, list}
	o := &RMSprop{params: p, set: a, square: p.like(), steps: p.counters()}
	if a.Momentum != 0 {
		o.buffers = o.like()
	}
	return o
}

// Step is one update with foreach kernels.
func (o *RMSprop) Step() {
	o.scope.RMSpropStep(torch.RMSpropState{Params: o.list, SquareAvg: o.square, Momentum: o.buffers, Steps: o.steps}, o.set)
}

// SetLR changes the learning rate.
func (o *RMSprop) SetLR(lr float64) { o.set.LR = lr }

// State is step, square_avg and, with momentum, momentum_buffer.
func (o *RMSprop) State() []map[string]torch.Tensor {
	return zip(len(o.list), map[string][]torch.Tensor{"step": o.steps, "square_avg": o.square, "momentum_buffer": o.buffers})
}

// Group is what torch.optim.RMSprop keeps.
func (o *RMSprop) Group() map[string]any {
	return map[string]any{
		"lr": o.set.LR, "momentum": o.set.Momentum, "alpha": o.set.Alpha, "eps": o.set.Eps, "centered": false,
		"weight_decay": o.set.WeightDecay, "capturable": false, "foreach": nil, "maximize": false, "differentiable": false,
	}
}

// zip turns lists by name into maps by parameter; an empty list is left out.
func zip(n int, lists map[string][]torch.Tensor) []map[string]torch.Tensor {
	state := make([]map[string]torch.Tensor, n)
	for i := range state {
		state[i] = map[string]torch.Tensor{}
		for name, list := range lists {
			if len(list) > 0 {
				state[i][name] = list[i]
			}
		}
	}
	return state
}
