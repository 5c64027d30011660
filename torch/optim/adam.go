package optim

import "forger/torch"

// Adam is torch.optim.Adam, and torch.optim.AdamW where its weight decay is decoupled.
type Adam struct {
	params
	set                     torch.AdamOptions
	avg, sq, largest, steps []torch.Tensor // largest: of AMSGrad
}

// NewAdam makes an optimizer whose state lives in s beside the parameters. PyTorch's eps is 1e-8.
func NewAdam(s *torch.Scope, list []torch.Tensor, a torch.AdamOptions) *Adam {
	p := params{s, list}
	o := &Adam{params: p, set: a, avg: p.like(), sq: p.like(), steps: p.counters()}
	if a.AMSGrad {
		o.largest = p.like()
	}
	return o
}

// Step is one fused update.
func (o *Adam) Step() {
	o.scope.AdamStep(torch.AdamState{Params: o.list, ExpAvg: o.avg, ExpAvgSq: o.sq, MaxExpAvgSq: o.largest, Steps: o.steps}, o.set)
}

// State is step, exp_avg, exp_avg_sq and, of AMSGrad, max_exp_avg_sq.
func (o *Adam) State() []map[string]torch.Tensor {
	return zip(len(o.list), o.lists())
}

func (o *Adam) lists() map[string][]torch.Tensor {
	return map[string][]torch.Tensor{"step": o.steps, "exp_avg": o.avg, "exp_avg_sq": o.sq, "max_exp_avg_sq": o.largest}
}

// Load restores what State lists.
func (o *Adam) Load(fill func(int, string, torch.Tensor) (bool, error)) error {
	return load(o.lists(), fill)
}

// Group is what torch.optim.Adam keeps. It says nothing of fused: PyTorch's own fused step goes through parameters and
// state side by side in memory, and what it loads is not laid out as channels_last parameters are.
func (o *Adam) Group() map[string]any {
	return map[string]any{
		"lr": o.set.LR.Item(), "betas": [2]float64{o.set.Beta1, o.set.Beta2}, "eps": o.set.Eps, "weight_decay": o.set.WeightDecay,
		"amsgrad": o.set.AMSGrad, "maximize": false, "foreach": nil, "capturable": false, "differentiable": false, "fused": nil,
		"decoupled_weight_decay": o.set.Decoupled,
	}
}
