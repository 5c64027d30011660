package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"forger/data"
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

// What settles the mean of the data: so many elements, or as many as come to so many bytes.
const (
	meanOf    = 10_000
	meanBytes = 32 << 20
)

// mean is that of each number of the data in [-1,1], by channel, row and column, of the elements that training begins with; nil
// where no network begins there.
func (p *setup) mean(ctx context.Context, fresh bool) ([]float32, error) {
	if !fresh || !p.job.Method.Model.FromMean {
		return nil, nil
	}
	of := p.ds.Shape()
	sums := make([]int, of.Bytes())
	n := min(meanOf, p.ds.Len(), max(1, meanBytes/len(sums)))
	o := data.DumpOptions{N: n, Shuffled: true, Seed: planOf(p.job, p.ds).Seed, Workers: p.resolved.Workers}
	if err := data.Stream(ctx, p.ds, o, func(images []byte, _ []int32) error {
		for i, b := range images {
			sums[i%len(sums)] += int(b)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	means := make([]float32, len(sums))
	area := of.Height * of.Width
	for i, sum := range sums {
		means[i%of.Channels*area+i/of.Channels] = float32(sum)/float32(n)/127.5 - 1
	}
	return means, nil
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
