package feature

import (
	"forger/torch"
	"forger/torch/nn"
)

// Modules that give those within them no names of their own, as networks have them whose parts lie side by side under names
// while their data takes several ways.

// chain applies modules in turn, and releases what each made once the next has used it.
type chain []nn.Module

// Forward is the last module's result.
func (c chain) Forward(x torch.Tensor) torch.Tensor {
	y := x
	for _, m := range c {
		next := m.Forward(y)
		if !y.Same(x) {
			y.Release()
		}
		y = next
	}
	return y
}

// State visits the modules in turn.
func (c chain) State(prefix string, visit func(nn.Entry)) {
	for _, m := range c {
		m.State(prefix, visit)
	}
}

// fork applies all modules to its input, and lays their channels side by side: [N,C,H,W] to [N,C1+C2+...,H',W'].
type fork []nn.Module

// Forward releases the modules' own results.
func (f fork) Forward(x torch.Tensor) torch.Tensor {
	all := make([]torch.Tensor, len(f))
	for i, m := range f {
		all[i] = m.Forward(x)
	}
	y := torch.Cat(1, all...)
	for _, part := range all {
		part.Release()
	}
	return y
}

// State visits the modules in turn.
func (f fork) State(prefix string, visit func(nn.Entry)) { chain(f).State(prefix, visit) }

// under is a module whose keys begin with a name.
type under struct {
	name string
	nn.Module
}

// State is the module's, under the name.
func (u under) State(prefix string, visit func(nn.Entry)) {
	if prefix != "" {
		prefix += "."
	}
	u.Module.State(prefix+u.name, visit)
}

// basicConv is a convolution, its normalisation and its rectifier under the keys conv and bn.
type basicConv struct{ nn.Sequential }

// State is the convolution's and the normalisation's.
func (b basicConv) State(prefix string, visit func(nn.Entry)) {
	under{"conv", b.Sequential[0]}.State(prefix, visit)
	under{"bn", b.Sequential[1]}.State(prefix, visit)
}
