package gan

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"forger/torch/nn"
	"forger/torch/pt"
	"forger/torch/safetensors"
)

// initialise gives the networks the weights that --init-generator and --init-discriminator name.
func (t *trainer) initialise() error {
	for _, from := range []struct {
		flag, path string
		net        nn.Module
		keys       []string // under which a file of several networks may have it
	}{
		{"init-generator", t.cfg.InitGenerator, t.st.gen, []string{"generator", "netG", "G"}},
		{"init-discriminator", t.cfg.InitDiscriminator, t.st.disc, []string{"discriminator", "netD", "D"}},
	} {
		if from.path == "" {
			continue
		}
		if err := t.loadWeights(from.net, from.path, from.keys); err != nil {
			return fmt.Errorf("--%s %s: %w: the network is --model %s --size %d --channels %d with these widths and latent",
				from.flag, from.path, err, t.cfg.Model, t.resolved.Size, t.resolved.Channels)
		}
	}
	if t.st.average != nil {
		t.st.average.start(t.root)
	}
	return nil
}

func (t *trainer) loadWeights(net nn.Module, path string, keys []string) (err error) {
	state, file, err := openWeights(path, keys...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return loadState(t.root, net, state)
}

// openWeights finds a network's state dict in a file of PyTorch's, Forger's or safetensors'. The tensors are read while
// the file is open.
func openWeights(path string, keys ...string) (*pt.Dict, io.Closer, error) {
	if filepath.Ext(path) == ".safetensors" {
		f, err := safetensors.Open(path)
		if err != nil {
			return nil, nil, err
		}
		return pt.TrimPrefix(f.Tensors(), "module."), f, nil
	}
	f, err := pt.Open(path)
	if err != nil {
		return nil, nil, err
	}
	state, err := pt.StateDict(f.Root(), keys...)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return state, f, nil
}
