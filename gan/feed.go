package gan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forger/data"
	"forger/torch"
)

// caches are where decoded images may stay.
var caches = []string{"auto", "device", "host", "none"}

// dataOptions are what the config asks of its source. Errors are *UsageError.
func (c Config) dataOptions() (data.Options, error) {
	seed, _ := DataSeeds(c.Seed)
	o := data.Options{
		Size: c.Size, Channels: c.Channels, Seed: seed, Filter: c.Filter, Limit: c.Limit, Flip: c.Flip,
		CropBefore: c.CropBefore, FastDecode: c.FastDecode, MaxPixels: c.MaxPixels, SkipCorrupt: c.SkipCorrupt,
	}
	var err error
	if o.Background, err = data.ParseBackground(c.Background); err != nil {
		return o, usagef("--%s", err)
	}
	if c.Cache == "auto" || c.Cache == "host" {
		o.CacheBytes = hostBudget()
	}
	if dir, err := os.UserCacheDir(); err == nil { // without one, nothing is kept
		o.CacheDir = filepath.Join(dir, "forger", "data")
	}
	if err := o.Validate(); err != nil {
		return o, usagef("--%s", strings.TrimPrefix(err.Error(), "data: "))
	}
	return o, nil
}

// hostBudget is how much of the host's memory decoded images may take: a quarter of what is free.
func hostBudget() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib * 1024 / 4
			}
		}
	}
	return 0
}

// open opens the config's data.
func (c Config) open() (data.Dataset, error) {
	o, err := c.dataOptions()
	if err != nil {
		return nil, err
	}
	ds, err := data.Open(c.Data, o)
	var wrong *data.SpecError
	if errors.As(err, &wrong) {
		return nil, usagef("--%s", wrong.Msg)
	}
	return ds, err
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
