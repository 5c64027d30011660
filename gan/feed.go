package gan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forger/data"
	"forger/torch"
)

// caches are where decoded images may stay.
var caches = []string{"auto", "device", "host", "none"}

// dataSettings are what the config asks of its data.
func (c Config) dataSettings() data.Settings {
	return data.Settings{
		Spec: c.Data, Size: c.Size, Channels: c.Channels, Filter: c.Filter, Limit: c.Limit, Flip: c.Flip, CropBefore: c.CropBefore,
		FastDecode: c.FastDecode, Background: c.Background, MaxPixels: c.MaxPixels, SkipCorrupt: c.SkipCorrupt, DropLast: c.DropLast,
		Cache: c.Cache,
	}
}

// open opens the config's data, which has batches.
func (c Config) open() (data.Dataset, error) {
	seed, _ := DataSeeds(c.Seed)
	ds, err := c.dataSettings().Open(seed)
	var wrong *data.SpecError
	if errors.As(err, &wrong) {
		return nil, usagef("--%s", wrong.Msg)
	}
	if err != nil {
		return nil, err
	}
	if err := c.plan(ds).Check(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", ds.Spec(), err), ds.Close())
	}
	return ds, nil
}

// plan says which images make up each batch of the run.
func (c Config) plan(ds data.Dataset) data.Plan {
	_, order := DataSeeds(c.Seed)
	return data.Plan{Len: ds.Len(), Batch: c.Batch, Seed: order, Shuffle: true, DropLast: c.DropLast}
}

// feed yields the batches of a run on the device: float32 [N,C,H,W] in [-1,1], in s.
type feed interface {
	next(ctx context.Context, s *torch.Scope) (images torch.Tensor, n int, err error)
	close()
}

// startFeed begins at the batch that the next step needs.
func (t *trainer) startFeed(ctx context.Context) (err error) {
	onDevice, err := t.cachesOnDevice()
	if err != nil {
		return err
	}
	if onDevice {
		t.feed, err = newStore(ctx, t)
		return err
	}
	p := t.cfg.plan(t.ds)
	l, err := data.NewLoader(t.ds, data.LoaderOptions{
		Batch: p.Batch, Seed: p.Seed, Shuffle: p.Shuffle, DropLast: p.DropLast, Workers: t.resolved.Workers, Start: t.position(),
	})
	if err != nil {
		return err
	}
	if t.root.Device().CUDA {
		t.feed = newAhead(t, l)
	} else {
		t.feed = &loading{t, l}
	}
	return nil
}

// loading feeds from the workers.
type loading struct {
	t      *trainer
	loader *data.Loader
}

func (f *loading) next(ctx context.Context, s *torch.Scope) (torch.Tensor, int, error) {
	f.t.st.at(phaseData)
	asked := time.Now()
	b, err := f.loader.Next(ctx)
	f.t.clock.wait += time.Since(asked)
	if err != nil {
		return torch.Tensor{}, 0, err
	}
	defer f.loader.Recycle(b)
	f.t.st.at(phaseUpload)
	shape := f.t.ds.Shape()
	return s.Images(b.Images, b.N, shape.Height, shape.Width, shape.Channels), b.N, nil
}

func (f *loading) close() { f.loader.Close() }
