package method

import (
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// Optimization is an optimizer of the table.
type Optimization struct {
	Doc string
	new func(o Options, s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer
}

// optimizers is where an optimizer is added.
var optimizers = map[string]Optimization{
	"adam": {"torch.optim.Adam", func(o Options, s *torch.Scope, p []torch.Tensor, lr, _ torch.Tensor) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: lr, Beta1: o.Beta1, Beta2: o.Beta2, Eps: 1e-8})
	}},
	"sgd": {"torch.optim.SGD", func(_ Options, s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: lr, Momentum: momentum})
	}},
	"rmsprop": {"torch.optim.RMSprop", func(_ Options, s *torch.Scope, p []torch.Tensor, lr, momentum torch.Tensor) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: lr, Alpha: .99, Eps: 1e-8, Momentum: momentum})
	}},
}

// optimize makes the optimizer of networks, with a rate of its own or the common one where that is 0, and the dials that it
// reads.
func (p *Parts) optimize(s *torch.Scope, key, rate string, o Options, own float64, nets ...Net) learner {
	if own == 0 {
		own = o.LR
	}
	lr := p.dial(s, rate, o.rate(own))
	p.rates(rate)
	var momentum torch.Tensor
	if o.Momentum != 0 {
		momentum = p.dial(s, "momentum", o.momentum())
	}
	var params []torch.Tensor
	for _, n := range nets {
		params = append(params, nn.Parameters(n.Module)...)
	}
	opt := optimizers[o.Optim].new(o, s, params, lr, momentum)
	p.Optimizers = append(p.Optimizers, Optimizer{key, opt})
	return learner{opt, params}
}
