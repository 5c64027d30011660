package gan

import (
	"errors"
	"fmt"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"
)

// openedNetwork is a network of a checkpoint in inference mode: no graph, running statistics.
type openedNetwork struct {
	cfg  Config
	net  nn.Module
	root *torch.Scope
}

// openNetwork loads the network under a key of a checkpoint onto a device. The caller closes root.
func openNetwork(path, key, device string) (_ *openedNetwork, err error) {
	defer torch.Catch(&err)
	file, err := pt.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	cfg, _, err := configOf(file.Root())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	state, err := pt.At[*pt.Dict](file.Root(), key)
	if err != nil {
		return nil, fmt.Errorf("%s: it has no %s: %s", path, key, missingNetwork[key])
	}
	dev, _, err := OpenDevice(device)
	if err != nil {
		return nil, err
	}
	torch.SetMath(torch.Math{}) // a picture is worth full precision
	o := &openedNetwork{cfg: cfg}
	if o.root, err = torch.NewScope(torch.On(dev), torch.Layout(torch.ChannelsLast), torch.NoGrad, torch.Eval); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.root.Close()
		}
	}()
	defer torch.Catch(&err)
	if o.net, err = o.build(key); err != nil {
		return nil, err
	}
	if err := loadState(o.root, o.net, state); err != nil {
		return nil, fmt.Errorf("%s: %s: %w: is it a checkpoint of another version?", path, key, err)
	}
	o.root.Seal()
	return o, nil
}

// missingNetwork is what to do about a checkpoint without a network.
var missingNetwork = map[string]string{
	"generator":     "name a checkpoint that forger train wrote",
	"discriminator": "name a checkpoint that forger train wrote",
	"generator_ema": "it was trained without --ema: draw from the generator itself",
}

// network is the shape of the checkpoint's networks.
func (o *openedNetwork) network() Network {
	return o.cfg.network(data.Shape{Height: o.cfg.Size, Width: o.cfg.Size, Channels: o.cfg.Channels})
}

func (o *openedNetwork) build(key string) (nn.Module, error) {
	m, err := lookUp(o.cfg.Model, o.network())
	if err != nil {
		return nil, err
	}
	b := Builder{Scope: o.root, Dropout: o.root.NewGenerator(0)}
	if key == "discriminator" {
		return m.disc(b, o.network()), nil
	}
	return m.gen(b, o.network()), nil
}

// generatorKey is where a checkpoint keeps the generator, or its average.
func generatorKey(average bool) string {
	if average {
		return "generator_ema"
	}
	return "generator"
}
