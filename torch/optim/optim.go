// Package optim holds optimizers: their steps are fused on the device, their state is laid out as torch.optim keeps it.
// Learning rates and momenta are 0-dim tensors of the caller's, which may fill them between steps.
package optim

import (
	"fmt"
	"maps"
	"slices"

	"forger/torch"
)

// Optimizer trains a list of parameters.
type Optimizer interface {
	// Accumulate adds d(loss)/d(parameter) to this optimizer's own parameters' gradients and to nobody else's, and
	// frees the loss's graph.
	Accumulate(loss torch.Tensor)
	// Step updates the parameters by the accumulated gradients and drops those.
	Step()
	// State lists the state's tensors under torch.optim's names, parameter by parameter: State()[i].
	State() []map[string]torch.Tensor
	// Load sets the state to what a state_dict holds: fill overwrites the tensor of parameter i under torch.optim's name,
	// and reports whether the state_dict has it. A state_dict of an optimizer that never stepped has none.
	Load(fill func(i int, name string, t torch.Tensor) (found bool, err error)) error
	// Group is the entry of torch.optim's param_groups but for "params": names to float64, bool, int64 or nil. Rates are
	// what their tensors hold now.
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

// load fills every tensor of the lists, or sets them all to zero where the state_dict has none of them.
func load(lists map[string][]torch.Tensor, fill func(int, string, torch.Tensor) (bool, error)) error {
	have, missing := 0, ""
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		for i, t := range lists[name] {
			found, err := fill(i, name, t)
			if err != nil {
				return fmt.Errorf("parameter %d: %s: %w", i, name, err)
			}
			if found {
				have++
				continue
			}
			t.Fill(0)
			missing = fmt.Sprintf("parameter %d: %s", i, name)
		}
	}
	if have > 0 && missing != "" {
		return fmt.Errorf("%s: missing: the state is of another optimizer or network", missing)
	}
	return nil
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

// valueOf is what a 0-dim tensor holds, and 0 where there is none.
func valueOf(t torch.Tensor) float64 {
	if !t.Valid() {
		return 0
	}
	return t.Item()
}
