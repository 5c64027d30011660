package gan

import (
	"context"
	"time"

	"forger/data"
	"forger/torch"
)

// benchWindows is how many stretches the timed steps are cut into.
const benchWindows = 10

// inWindows calls next, which yields the images of a step, for so many steps in windows; finish waits for what is still under
// way at the end of each. It sets the rates, and returns the seconds of it all.
func (r *BenchResult) inWindows(steps int, next func() (images int, err error), finish func()) (total float64, err error) {
	windows := min(benchWindows, steps)
	var perStep []float64
	for w := range windows {
		n, images, start := steps*(w+1)/windows-steps*w/windows, 0, time.Now()
		for range n {
			got, err := next()
			if err != nil {
				return total, err
			}
			images += got
		}
		finish()
		seconds := time.Since(start).Seconds()
		total += seconds
		r.Windows = append(r.Windows, float64(images)/seconds)
		perStep = append(perStep, seconds/float64(n))
	}
	r.ImagesPerSecond, r.MsPerStep = median(r.Windows), 1000*median(perStep)
	return total, nil
}

// benchLoader measures files to batches of bytes.
func benchLoader(ctx context.Context, o BenchOptions, cfg Config, ds data.Dataset) (res BenchResult, err error) {
	p := cfg.plan(ds)
	l, err := data.NewLoader(ds, data.LoaderOptions{
		Batch: p.Batch, Seed: p.Seed, Shuffle: p.Shuffle, DropLast: p.DropLast, Workers: cfg.Workers,
	})
	if err != nil {
		return res, err
	}
	defer l.Close()
	if res.BaseMiB, _, err = memoryMiB(torch.CPU); err != nil {
		return res, err
	}
	res.Batch, res.Steps, res.Data, res.Device, res.Workers, res.Version = cfg.Batch, o.Steps, cfg.Data, "none", l.Workers(), Version
	res.DataWait = 1
	next := func() (int, error) {
		b, err := l.Next(ctx)
		if err != nil {
			return 0, err
		}
		n := b.N // the loader's again after Recycle
		l.Recycle(b)
		return n, nil
	}
	for range o.Warmup {
		if _, err := next(); err != nil {
			return res, err
		}
	}
	if _, err := res.inWindows(o.Steps, next, func() {}); err != nil {
		return res, err
	}
	_, res.PeakMiB, err = memoryMiB(torch.CPU)
	return res, err
}
