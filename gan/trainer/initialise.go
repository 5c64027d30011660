package trainer

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"forger/gan/checkpoint"
	"forger/gan/method"
	"forger/torch/pt"
	"forger/torch/safetensors"
)

// initialise gives the networks the weights that the job names files of.
func (t *Trainer) initialise(nets []method.Net) error {
	for _, n := range nets {
		if n.Init.Path == "" {
			continue
		}
		if err := t.loadWeights(n); err != nil {
			return fmt.Errorf("--init-%s %s: %w: the network is --model %s --size %s --channels %d with these widths and latent",
				n.Key, n.Init.Path, err, t.job.Method.Model.Name, t.resolved.Size, t.resolved.Channels)
		}
	}
	return nil
}

func (t *Trainer) loadWeights(n method.Net) (err error) {
	state, file, err := openWeights(n.Init.Path, n.Init.Keys...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return checkpoint.LoadState(t.root, n.Module, state)
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
