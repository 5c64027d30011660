package gan

import (
	"fmt"
	"slices"
	"time"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
	"forger/torch/pt"
)

// restore sets the trainer to where a checkpoint was taken. notes say what could not be as it was.
func (t *trainer) restore(root *pt.Dict) (notes []string, err error) {
	for _, n := range t.networks() {
		state, err := pt.At[*pt.Dict](root, n.key)
		if err == nil {
			err = loadState(t.root, n.net, state)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.key, err)
		}
	}
	for _, o := range t.optimizers() {
		state, err := pt.At[*pt.Dict](root, o.key)
		if err == nil {
			err = loadOptimizer(t.root, o.opt, state)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.key, err)
		}
	}
	for _, load := range []func(*pt.Dict) error{t.restorePlace, t.restoreMeters} {
		if err := load(root); err != nil {
			return nil, err
		}
	}
	return t.restoreRandom(root)
}

func (t *trainer) restorePlace(root *pt.Dict) (err error) {
	if t.step, err = pt.At[int64](root, "step"); err != nil {
		return err
	}
	if t.images, err = pt.At[int64](root, "images"); err != nil {
		return err
	}
	position, err := pt.At[int64](root, "data", "position")
	if err == nil && position != t.position() {
		err = fmt.Errorf("data position %d: step %d with %d discriminator updates stands at %d: the file is damaged",
			position, t.step, t.cfg.DiscSteps, t.position())
	}
	return err
}

func (t *trainer) restoreMeters(root *pt.Dict) (err error) {
	for _, m := range []struct {
		key string
		sum torch.Tensor
	}{{"discriminator", t.st.meterD}, {"generator", t.st.meterG}} {
		saved, err := pt.At[*pt.Tensor](root, "meters", m.key)
		if err == nil {
			err = fill(t.root, m.sum, saved)
		}
		if err != nil {
			return fmt.Errorf("meters: %s: %w", m.key, err)
		}
	}
	if t.clock.step, err = pt.At[int64](root, "meters", "logged_step"); err != nil {
		return err
	}
	seconds, err := pt.At[float64](root, "meters", "seconds")
	t.clock.before = time.Duration(seconds * float64(time.Second))
	return err
}

// restoreRandom moves the streams of noise and dropout to where they stood. A stream cannot move between kinds of
// device: there it starts anew, from the seed and the step.
func (t *trainer) restoreRandom(root *pt.Dict) (notes []string, err error) {
	saved, err := pt.At[*pt.Dict](root, "rng")
	if err != nil {
		return nil, err
	}
	if _, same := saved.Get(t.rngKey()); !same {
		for use, g := range map[string]*torch.Generator{"noise": t.noise, "dropout": t.dropout} {
			g.SetState(t.root.NewGenerator(stream(t.cfg.Seed+uint64(t.step), use)).State())
		}
		return []string{"the noise goes on from another stream: a device of another kind cannot take this one up"}, nil
	}
	for key, g := range map[string]*torch.Generator{t.rngKey(): t.noise, "dropout": t.dropout} {
		state, err := pt.At[*pt.Tensor](saved, key)
		if err != nil {
			return nil, fmt.Errorf("rng: %w", err)
		}
		bytes, err := state.Bytes()
		if err != nil {
			return nil, fmt.Errorf("rng: %s: %w", key, err)
		}
		g.SetState(bytes)
	}
	return nil, nil
}

// loadState fills a module from a state_dict with exactly its keys and shapes, as load_state_dict(strict=True) does.
func loadState(s *torch.Scope, m nn.Module, d *pt.Dict) error {
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

// loadOptimizer fills an optimizer from torch.optim's state_dict. Its numbers must be those of the config: a run goes on
// as it was set.
func loadOptimizer(s *torch.Scope, o optim.Optimizer, d *pt.Dict) error {
	group, err := pt.At[*pt.Dict](d, "param_groups", 0)
	if err != nil {
		return err
	}
	for name, here := range o.Group() {
		there, has := group.Get(name)
		if _, flag := here.(bool); flag || here == nil || !has {
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
