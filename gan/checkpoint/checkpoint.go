// Package checkpoint is the format of a checkpoint, over the parts of whatever method was trained: a file that PyTorch's
// safe loader opens, with all that a run is made of.
package checkpoint

import (
	"fmt"
	"maps"
	"slices"

	"forger/gan/method"
	"forger/internal/seed"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
	"forger/torch/pt"
)

// format is the version of a checkpoint's layout.
const format = 1

// Head is what a checkpoint holds beside the method's parts.
type Head struct {
	Step, Images int64 // done
	Seed         uint64
	Data         Data
	LoggedStep   int64   // the step of the last log
	Seconds      float64 // trained
	Config       string  // every setting by name, and what was decided, as JSON
	Meta         [][2]string
	Fixed        torch.Tensor // the noise of the sample grids; the zero Tensor where a checkpoint has none
	Health       string       // how the training goes, as the trainer has it; "": of a checkpoint from before
}

// Data is where a run stands in its data.
type Data struct {
	Spec        string
	Position    int64 // batches used
	Length      int64 // elements of an epoch
	Fingerprint string
}

// Tree is what torch.load gives a dict of, its tensors taken to the host by take.
func Tree(s *torch.Scope, p *method.Parts, h Head, take HostCopy) *pt.Dict {
	root := pt.NewDict()
	for _, n := range p.Nets {
		root.Set(n.Key, StateDict(n.Module, take))
	}
	for _, o := range p.Optimizers {
		root.Set(o.Key, optimizerState(o.Optimizer, take))
	}
	if len(p.Kept) > 0 {
		kept := pt.NewDict()
		for _, k := range p.Kept {
			kept.Set(k.Key, take(k.Tensor))
		}
		root.Set("kept", kept)
	}
	root.Set("rng", randomState(s, p, h.Seed))
	root.Set("step", h.Step)
	root.Set("images", h.Images)
	root.Set("data", dict("spec", h.Data.Spec, "position", h.Data.Position, "length", h.Data.Length, "fingerprint", h.Data.Fingerprint))
	root.Set("meters", meterState(p, h, take))
	root.Set("fixed", take(h.Fixed))
	root.Set("health", h.Health)
	root.Set("config", h.Config)
	meta := pt.NewDict()
	for _, line := range h.Meta {
		meta.Set(line[0], line[1])
	}
	root.Set("meta", meta)
	root.Set("format", int64(format))
	return root
}

func dict(pairs ...any) *pt.Dict {
	d := pt.NewDict()
	for i := 0; i < len(pairs); i += 2 {
		d.Set(pairs[i].(string), pairs[i+1])
	}
	return d
}

// randomState is where every stream of random numbers stands. What the data draws is a function of a seed and the
// position.
func randomState(s *torch.Scope, p *method.Parts, of uint64) *pt.Dict {
	d := pt.NewDict()
	for _, stream := range p.Streams {
		d.Set(streamKey(s, stream.Use), pt.Of(stream.State()))
	}
	source, order := seed.Data(of)
	d.Set("go", dict("source", source, "order", order))
	return d
}

// streamKey is the key of a stream's state: that of the noise tells the kind of device, each of which keeps it its own way.
func streamKey(s *torch.Scope, use string) string {
	switch {
	case use != method.Noise:
		return use
	case s.Device().CUDA:
		return "cuda"
	}
	return "torch"
}

// meterState is the sums since the last log, which a resumed run goes on with.
func meterState(p *method.Parts, h Head, take HostCopy) *pt.Dict {
	d := pt.NewDict()
	for _, m := range p.Meters {
		d.Set(m.Key, take(m.Sums))
	}
	d.Set("logged_step", h.LoggedStep)
	d.Set("seconds", h.Seconds)
	return d
}

// StateDict takes a module's state as its state_dict.
func StateDict(m nn.Module, take HostCopy) *pt.Dict {
	d := pt.NewOrderedDict()
	for _, e := range nn.Entries(m) {
		d.Set(e.Name, take(e.Tensor))
	}
	return d
}

// optimizerState takes an optimizer's state as torch.optim's state_dict.
func optimizerState(o optim.Optimizer, take HostCopy) *pt.Dict {
	state, indices := pt.NewDict(), []any{}
	for i, tensors := range o.State() {
		indices = append(indices, int64(i))
		if len(tensors) == 0 {
			continue
		}
		of := pt.NewDict()
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			of.Set(name, take(tensors[name]))
		}
		state.SetInt(int64(i), of)
	}
	group, values := pt.NewDict(), o.Group()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if pair, ok := v.([2]float64); ok {
			v = pt.Tuple{pair[0], pair[1]}
		}
		group.Set(name, v)
	}
	group.Set("params", indices)
	return dict("state", state, "param_groups", []any{group})
}

// Bytes is how large a checkpoint of these parts is, but for its small change.
func Bytes(p *method.Parts) int64 {
	var total int64
	for _, t := range p.State() {
		total += int64(describe(t).NumBytes())
	}
	return total
}

// NotFiniteError says that a loss, or a value of the state, was NaN or infinite.
type NotFiniteError struct {
	What string
	Step int64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s is not finite at step %d", e.What, e.Step)
}
