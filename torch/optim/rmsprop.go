package optim

import "forger/torch"

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
	if a.Momentum.Valid() {
		o.buffers = o.like()
	}
	return o
}

// Step is one update with foreach kernels.
func (o *RMSprop) Step() {
	o.scope.RMSpropStep(torch.RMSpropState{Params: o.list, SquareAvg: o.square, Momentum: o.buffers, Steps: o.steps}, o.set)
}

// State is step, square_avg and, with momentum, momentum_buffer.
func (o *RMSprop) State() []map[string]torch.Tensor {
	return zip(len(o.list), o.lists())
}

func (o *RMSprop) lists() map[string][]torch.Tensor {
	return map[string][]torch.Tensor{"step": o.steps, "square_avg": o.square, "momentum_buffer": o.buffers}
}

// Load restores step, square_avg and, with momentum, momentum_buffer.
func (o *RMSprop) Load(fill func(int, string, torch.Tensor) (bool, error)) error {
	return load(o.lists(), fill)
}

// Group is what torch.optim.RMSprop keeps.
func (o *RMSprop) Group() map[string]any {
	return map[string]any{
		"lr": o.set.LR.Item(), "momentum": valueOf(o.set.Momentum), "alpha": o.set.Alpha, "eps": o.set.Eps, "centered": false,
		"weight_decay": o.set.WeightDecay, "capturable": false, "foreach": nil, "maximize": false, "differentiable": false,
	}
}
