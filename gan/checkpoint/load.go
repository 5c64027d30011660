package checkpoint

import (
	"fmt"
	"slices"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
	"forger/torch/pt"
)

// LoadState fills a module from a state_dict with exactly its keys and shapes, as load_state_dict(strict=True) does.
func LoadState(s *torch.Scope, m nn.Module, d *pt.Dict) error {
	entries := nn.Entries(m)
	want := make([]pt.Param, len(entries))
	for i, e := range entries {
		want[i] = pt.Param{Name: e.Name, Shape: e.Tensor.Shape()}
	}
	if err := pt.Match(d, want); err != nil {
		return err
	}
	for _, e := range entries {
		saved, err := pt.At[*pt.Tensor](d, e.Name)
		if err == nil {
			err = fill(s, e.Tensor, saved)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return nil
}

// fill overwrites t with a saved tensor of its shape, converted.
func fill(s *torch.Scope, t torch.Tensor, saved *pt.Tensor) error {
	if shape := t.Shape(); !slices.Equal(shape, saved.Shape) {
		return fmt.Errorf("it is %v, not %v", saved.Shape, shape)
	}
	c := s.Child(torch.NoGrad)
	defer c.Close()
	u, err := tensorOf(c, saved)
	if err != nil {
		return err
	}
	t.CopyFrom(u)
	return nil
}

// numbers are the values of a number or a pair of them: PyTorch writes a weight decay of 0 as an int.
func numbers(v any) []float64 {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case int64:
		return []float64{float64(v)}
	case [2]float64:
		return v[:]
	case pt.Tuple:
		var all []float64
		for _, one := range v {
			all = append(all, numbers(one)...)
		}
		return all
	}
	return nil
}

// loadOptimizer fills an optimizer from torch.optim's state_dict. Its numbers must be those of the config, but
// for the free ones: a run goes on as it was set.
func loadOptimizer(s *torch.Scope, o optim.Optimizer, d *pt.Dict, free []string) error {
	group, err := pt.At[*pt.Dict](d, "param_groups", 0)
	if err != nil {
		return err
	}
	for name, here := range o.Group() {
		there, has := group.Get(name)
		if _, flag := here.(bool); flag || here == nil || !has || slices.Contains(free, name) {
			continue // how torch.optim would run it, which is not the state's to say
		}
		if !slices.Equal(numbers(here), numbers(there)) {
			return fmt.Errorf("%s is %v in the file and %v in the config: train on with the same settings", name, there, here)
		}
	}
	return o.Load(func(i int, name string, t torch.Tensor) (bool, error) {
		v, err := pt.At[any](d, "state", i, name)
		if err != nil {
			return false, nil // torch.optim keeps no entry for what never stepped
		}
		saved, ok := v.(*pt.Tensor)
		if !ok {
			return false, fmt.Errorf("it is a %T, not a tensor", v)
		}
		return true, fill(s, t, saved)
	})
}

// tensorOf uploads a saved tensor to s, converted to the dtype that the network has it in: torch.load_state_dict
// converts too.
func tensorOf(s *torch.Scope, saved *pt.Tensor) (torch.Tensor, error) {
	for here, there := range ptTypes {
		if there == saved.DType {
			data, err := saved.Bytes()
			if err != nil {
				return torch.Tensor{}, err
			}
			return s.FromBytes(data, here, saved.Shape...), nil
		}
	}
	return torch.Tensor{}, fmt.Errorf("dtype %s cannot be used here: convert it to float32", saved.DType)
}
