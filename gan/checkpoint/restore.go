package checkpoint

import (
	"fmt"

	"forger/gan/method"
	"forger/internal/seed"
	"forger/torch"
	"forger/torch/pt"
)

// Restore sets the parts and fixed, the noise of the sample grids, to where a checkpoint was taken, in the run's scope, and
// says where that was. notes say what could not be as it was. free names the optimizers' numbers that the run may have
// been given anew.
func Restore(s *torch.Scope, root *pt.Dict, p *method.Parts, of uint64, fixed torch.Tensor, free []string) (h Head, notes []string, err error) {
	for _, n := range p.Nets {
		state, err := pt.At[*pt.Dict](root, n.Key)
		if err == nil {
			err = LoadState(s, n.Module, state)
		}
		if err != nil {
			return h, nil, fmt.Errorf("%s: %w", n.Key, err)
		}
	}
	for _, o := range p.Optimizers {
		state, err := pt.At[*pt.Dict](root, o.Key)
		if err == nil {
			err = loadOptimizer(s, o.Optimizer, state, free)
		}
		if err != nil {
			return h, nil, fmt.Errorf("%s: %w", o.Key, err)
		}
	}
	for _, k := range p.Kept {
		saved, err := pt.At[*pt.Tensor](root, "kept", k.Key)
		if err == nil {
			err = fill(s, k.Tensor, saved)
		}
		if err != nil {
			return h, nil, fmt.Errorf("kept: %s: %w", k.Key, err)
		}
	}
	if h, err = head(root); err != nil {
		return h, nil, err
	}
	if err := restoreMeters(s, root, p); err != nil {
		return h, nil, err
	}
	if _, has := root.Get("fixed"); has {
		saved, err := pt.At[*pt.Tensor](root, "fixed")
		if err == nil {
			err = fill(s, fixed, saved)
		}
		if err != nil {
			return h, nil, fmt.Errorf("fixed: %w", err)
		}
	}
	notes, err = restoreStreams(s, root, p, of+uint64(h.Step))
	return h, notes, err
}

// head reads what a checkpoint holds beside the parts, as far as a run goes on from it.
func head(root *pt.Dict) (h Head, err error) {
	for _, read := range []error{
		get(root, &h.Step, "step"), get(root, &h.Images, "images"), get(root, &h.Data.Position, "data", "position"),
		get(root, &h.Data.Length, "data", "length"), get(root, &h.Data.Fingerprint, "data", "fingerprint"),
		get(root, &h.LoggedStep, "meters", "logged_step"), get(root, &h.Seconds, "meters", "seconds"),
	} {
		if read != nil {
			return h, read
		}
	}
	if _, has := root.Get("health"); has {
		return h, get(root, &h.Health, "health")
	}
	return h, nil
}

func restoreMeters(s *torch.Scope, root *pt.Dict, p *method.Parts) error {
	for _, m := range p.Meters {
		if kept, err := pt.At[*pt.Dict](root, "meters"); err == nil && m.Period > 0 {
			if _, has := kept.Get(m.Key); !has {
				continue // a run from before there was this meter
			}
		}
		saved, err := pt.At[*pt.Tensor](root, "meters", m.Key)
		if err == nil {
			err = fill(s, m.Sums, saved)
		}
		if err != nil {
			return fmt.Errorf("meters: %s: %w", m.Key, err)
		}
	}
	return nil
}

// restoreStreams moves the streams to where they stood. A stream cannot move between kinds of device: there it starts
// anew, from a seed of its own.
func restoreStreams(s *torch.Scope, root *pt.Dict, p *method.Parts, anew uint64) (notes []string, err error) {
	saved, err := pt.At[*pt.Dict](root, "rng")
	if err != nil {
		return nil, err
	}
	if _, same := saved.Get(streamKey(s, method.Noise)); !same {
		for _, stream := range p.Streams {
			stream.SetState(s.NewGenerator(seed.Of(anew, stream.Use)).State())
		}
		return []string{"the noise goes on from another stream: a device of another kind cannot take this one up"}, nil
	}
	for _, stream := range p.Streams {
		key := streamKey(s, stream.Use)
		state, err := pt.At[*pt.Tensor](saved, key)
		if err != nil {
			return nil, fmt.Errorf("rng: %w", err)
		}
		bytes, err := state.Bytes()
		if err != nil {
			return nil, fmt.Errorf("rng: %s: %w", key, err)
		}
		stream.SetState(bytes)
	}
	return nil, nil
}
