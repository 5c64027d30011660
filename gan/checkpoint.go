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

// checkpoint is the tree that torch.load gives a dict of: all that the run is made of, taken to the host by take.
func (t *trainer) checkpoint(take hostCopy) (*pt.Dict, error) {
	if _, _, err := t.readMeters(); err != nil {
		return nil, err
	}
	config, err := t.configJSON()
	if err != nil {
		return nil, err
	}
	root := pt.NewDict()
	for _, n := range t.networks() {
		root.Set(n.key, stateDict(n.net, take))
	}
	for _, o := range t.optimizers() {
		root.Set(o.key, optimizerState(o.opt, take))
	}
	root.Set("rng", t.randomState())
	root.Set("step", t.step)
	root.Set("images", t.images)
	root.Set("data", t.dataState())
	root.Set("meters", t.meterState(take))
	root.Set("config", config)
	root.Set("meta", t.meta())
	root.Set("format", int64(checkpointFormat))
	return root, nil
}

type keyedNetwork struct {
	key string
	net nn.Module
}

// networks are the run's networks by their keys in a checkpoint.
func (t *trainer) networks() []keyedNetwork {
	all := []keyedNetwork{{"generator", t.st.gen}, {"discriminator", t.st.disc}}
	if t.st.average != nil {
		all = append(all, keyedNetwork{"generator_ema", t.st.average.net})
	}
	return all
}

type keyedOptimizer struct {
	key string
	opt optim.Optimizer
}

// optimizers are the run's optimizers by their keys in a checkpoint.
func (t *trainer) optimizers() []keyedOptimizer {
	return []keyedOptimizer{{"optimizer_g", t.st.optG}, {"optimizer_d", t.st.optD}}
}

// configJSON is every setting of the run by name, and under "resolved" what was decided where they left it open.
func (t *trainer) configJSON() (string, error) {
	all := t.cfg.settings()
	all[resolvedKey] = t.resolved
	all["size"], all["channels"] = t.resolved.Size, t.resolved.Channels
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("config: %w", err)
	}
	return string(text), nil
}

// randomState is where every stream of random numbers stands. What the data draws is a function of a seed and the
// position.
func (t *trainer) randomState() *pt.Dict {
	d := pt.NewDict()
	d.Set(t.rngKey(), pt.Of(t.noise.State()))
	d.Set("dropout", pt.Of(t.dropout.State()))
	source, order := DataSeeds(t.cfg.Seed)
	seeds := pt.NewDict()
	seeds.Set("source", source)
	seeds.Set("order", order)
	d.Set("go", seeds)
	return d
}

// rngKey is the key of the state of the noise: the two devices keep it differently.
func (t *trainer) rngKey() string {
	if t.root.Device().CUDA {
		return "cuda"
	}
	return "torch"
}

func (t *trainer) dataState() *pt.Dict {
	d := pt.NewDict()
	d.Set("spec", t.ds.Spec())
	d.Set("position", t.position())
	d.Set("length", int64(t.ds.Len()))
	d.Set("fingerprint", t.ds.Fingerprint())
	return d
}

// meterState is the sums since the last log, which a resumed run goes on with.
func (t *trainer) meterState(take hostCopy) *pt.Dict {
	d := pt.NewDict()
	d.Set("discriminator", take(t.st.meterD))
	d.Set("generator", take(t.st.meterG))
	d.Set("logged_step", t.clock.step)
	d.Set("seconds", t.clock.elapsed())
	return d
}

// meta is what made the checkpoint, as strings.
func (t *trainer) meta() *pt.Dict {
	r, d := t.resolved, pt.NewDict()
	for _, line := range [][2]string{
		{"version", Version}, {"revision", Revision}, {"libtorch", r.Libtorch}, {"device", r.Device},
		{"precision", r.Precision}, {"layout", r.Layout}, {"conv", r.Conv}, {"threads", fmt.Sprint(r.Threads)}, {"decoder", r.Decoder},
		{"data", t.cfg.Data},
	} {
		d.Set(line[0], line[1])
	}
	return d
}

// stateDict takes a module's state as its state_dict.
func stateDict(m nn.Module, take hostCopy) *pt.Dict {
	d := pt.NewOrderedDict()
	for _, e := range nn.Entries(m) {
		d.Set(e.Name, take(e.Tensor))
	}
	return d
}

// optimizerState takes an optimizer's state as torch.optim's state_dict.
func optimizerState(o optim.Optimizer, take hostCopy) *pt.Dict {
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
	d := pt.NewDict()
	d.Set("state", state)
	d.Set("param_groups", []any{group})
	return d
}

// finite fails with a *NotFiniteError when a float32 value of the tree is NaN or infinite: such a state is never saved.
func finite(root *pt.Dict, step int64) error {
	key, err := notFinite(root)
	if err == nil && key != "" {
		err = &NotFiniteError{key, step}
	}
	return err
}

// notFinite says under which keys of the tree a value is not finite.
func notFinite(d *pt.Dict) (key string, err error) {
	for k, v := range d.All() {
		switch v := v.(type) {
		case *pt.Dict:
			inner, err := notFinite(v)
			if inner != "" || err != nil {
				return fmt.Sprintf("%v %s", k, inner), err
			}
		case *pt.Tensor:
			data, err := v.Bytes()
			if err != nil || v.DType == pt.Float32 && !finite32(data) {
				return fmt.Sprint(k), err
			}
		}
	}
	return "", nil
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
