package optim

import "forger/torch"

// SGD is torch.optim.SGD.
type SGD struct {
	params
	set     torch.SGDOptions
	buffers []torch.Tensor // zeros before the first step
}

// NewSGD makes an optimizer whose state lives in s beside the parameters.
func NewSGD(s *torch.Scope, list []torch.Tensor, a torch.SGDOptions) *SGD {
	o := &SGD{params: params{s, list}, set: a}
	if a.Momentum.Valid() {
		o.buffers = o.like()
	}
	return o
}

// Step is one fused update; with momentum, on CUDA, one with foreach kernels.
func (o *SGD) Step() {
	o.scope.SGDStep(o.list, o.buffers, o.set)
}

// State is, with momentum, momentum_buffer.
func (o *SGD) State() []map[string]torch.Tensor { return zip(len(o.list), o.lists()) }

func (o *SGD) lists() map[string][]torch.Tensor {
	return map[string][]torch.Tensor{"momentum_buffer": o.buffers}
}

// Load restores momentum_buffer; a state_dict without one leaves zeros.
func (o *SGD) Load(fill func(int, string, torch.Tensor) (bool, error)) error {
	return load(o.lists(), fill)
}

// Group is what torch.optim.SGD keeps, without fused, as Adam.Group says.
func (o *SGD) Group() map[string]any {
	return map[string]any{
		"lr": o.set.LR.Item(), "momentum": valueOf(o.set.Momentum), "dampening": 0.0, "weight_decay": o.set.WeightDecay, "nesterov": o.set.Nesterov,
		"maximize": false, "foreach": nil, "differentiable": false, "fused": nil,
	}
}
