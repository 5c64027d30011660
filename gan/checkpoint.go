package gan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
	"forger/torch/pt"
)

// checkpointFormat is the version of a checkpoint's layout.
const checkpointFormat = 1

// checkpoint is the tree that torch.load gives a dict of: a copy on the host of all that the run is made of. State
// that is not finite is never saved.
func (t *trainer) checkpoint(r Resolved) (*pt.Dict, error) {
	if _, _, err := t.readMeters(); err != nil {
		return nil, err
	}
	cfg := t.cfg
	cfg.Size, cfg.Channels = r.Size, r.Channels
	config, err := json.Marshal(cfg.settings())
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	root := pt.NewDict()
	for _, part := range []struct {
		name  string
		state *pt.Dict
	}{
		{"generator", stateDict(t.st.gen)}, {"discriminator", stateDict(t.st.disc)},
		{"optimizer_g", optimizerState(t.st.optG)}, {"optimizer_d", optimizerState(t.st.optD)},
	} {
		if name, ok := notFinite(part.state); ok {
			return nil, &NotFiniteError{part.name + " " + name, t.step}
		}
		root.Set(part.name, part.state)
	}
	root.Set("step", t.step)
	root.Set("images", t.images)
	root.Set("data", t.dataState())
	root.Set("config", string(config))
	root.Set("meta", meta(r))
	root.Set("format", int64(checkpointFormat))
	return root, nil
}

func (t *trainer) dataState() *pt.Dict {
	d := pt.NewDict()
	d.Set("position", t.position())
	d.Set("fingerprint", t.ds.Fingerprint())
	return d
}

// meta is what made the checkpoint, as strings.
func meta(r Resolved) *pt.Dict {
	d := pt.NewDict()
	for _, line := range [][2]string{
		{"version", Version}, {"libtorch", r.Libtorch}, {"device", r.Device}, {"precision", r.Precision},
		{"layout", r.Layout}, {"threads", fmt.Sprint(r.Threads)}, {"decoder", r.Decoder},
	} {
		d.Set(line[0], line[1])
	}
	return d
}

// stateDict copies a module's state to the host as its state_dict.
func stateDict(m nn.Module) *pt.Dict {
	d := pt.NewOrderedDict()
	for _, e := range nn.Entries(m) {
		d.Set(e.Name, hostTensor(e.Tensor))
	}
	return d
}

// optimizerState copies an optimizer's state to the host as torch.optim's state_dict.
func optimizerState(o optim.Optimizer) *pt.Dict {
	state, indices := pt.NewDict(), []any{}
	for i, tensors := range o.State() {
		indices = append(indices, int64(i))
		if len(tensors) == 0 {
			continue
		}
		of := pt.NewDict()
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			of.Set(name, hostTensor(tensors[name]))
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
	d := pt.NewDict()
	d.Set("state", state)
	d.Set("param_groups", []any{group})
	return d
}

var ptTypes = map[torch.DType]pt.DType{
	torch.Float32: pt.Float32, torch.Float64: pt.Float64, torch.Uint8: pt.Uint8, torch.Int64: pt.Int64,
	torch.Bool: pt.Bool, torch.BFloat16: pt.BFloat16, torch.Float16: pt.Float16, torch.Int32: pt.Int32,
}

func hostTensor(t torch.Tensor) *pt.Tensor {
	info := t.Info()
	return &pt.Tensor{DType: ptTypes[info.DType], Shape: info.Shape, Data: t.Bytes()}
}

// loadState fills a module from a state_dict with exactly its keys and shapes.
func loadState(s *torch.Scope, m nn.Module, d *pt.Dict) error {
	entries := nn.Entries(m)
	if d.Len() != len(entries) {
		return fmt.Errorf("it has %d entries, the network %d", d.Len(), len(entries))
	}
	for _, e := range entries {
		v, _ := d.Get(e.Name)
		saved, ok := v.(*pt.Tensor)
		if !ok {
			return fmt.Errorf("it has no tensor %s", e.Name)
		}
		info := e.Tensor.Info()
		if !slices.Equal(saved.Shape, info.Shape) || saved.DType != ptTypes[info.DType] {
			return fmt.Errorf("%s is %s %v there, %s %v here", e.Name, saved.DType, saved.Shape, info.DType, info.Shape)
		}
		data, err := saved.Bytes()
		if err != nil {
			return err
		}
		c := s.Child()
		e.Tensor.CopyFrom(c.FromBytes(data, info.DType, info.Shape...))
		c.Close()
	}
	return nil
}

// notFinite finds a float32 value in the tree that is NaN or infinite, and says under which keys.
func notFinite(d *pt.Dict) (key string, found bool) {
	for k, v := range d.All() {
		switch v := v.(type) {
		case *pt.Dict:
			if inner, ok := notFinite(v); ok {
				return fmt.Sprintf("%v.%s", k, inner), true
			}
		case *pt.Tensor:
			if v.DType == pt.Float32 && !finite32(v.Data) {
				return fmt.Sprint(k), true
			}
		}
	}
	return "", false
}

// finite32 reports whether no float32 in data has all its exponent bits set.
func finite32(data []byte) bool {
	const exponent = 0x7F80
	for i := 2; i < len(data); i += 4 {
		if (uint16(data[i])|uint16(data[i+1])<<8)&exponent == exponent {
			return false
		}
	}
	return true
}
