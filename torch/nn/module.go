// Package nn holds modules under PyTorch's names: same parameters, same buffers, same order, same defaults.
package nn

import "forger/torch"

// Module is a layer or a network. Whether it trains or evaluates is its input's scope's to say.
type Module interface {
	// Forward is the module's output for x, in x's scope. It leaves x as it is, but for an Activation InPlace and a
	// Sequential that begins with one.
	Forward(x torch.Tensor) torch.Tensor
	// State visits parameters and buffers in the order of PyTorch's state_dict, each under prefix and its name.
	State(prefix string, visit func(Entry))
}

// Entry is a parameter or a buffer of a module.
type Entry struct {
	Name   string // e.g. "main.1.running_mean"
	Tensor torch.Tensor
	Buffer bool // not trained
}

// Entries lists m's state in PyTorch's order.
func Entries(m Module) []Entry {
	var all []Entry
	m.State("", func(e Entry) { all = append(all, e) })
	return all
}

// Parameters lists what an optimizer trains, in PyTorch's order.
func Parameters(m Module) []torch.Tensor {
	var params []torch.Tensor
	m.State("", func(e Entry) {
		if !e.Buffer {
			params = append(params, e.Tensor)
		}
	})
	return params
}

// join is a state_dict key; either part may be empty.
func join(prefix, name string) string {
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "." + name
}
