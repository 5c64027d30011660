package bench

import (
	"context"
	"time"

	"forger/data"
	"forger/gan/trainer"
	"forger/internal/release"
	"forger/torch"
)

// benchWindows is how many stretches the timed steps are cut into.
const benchWindows = 10

// inWindows calls next, which yields the images of a step, for so many steps in windows; finish waits for what is still under
// way at the end of each. It sets the rates, and returns the seconds of it all.
func (r *Result) inWindows(steps int, next func() (images int, err error), finish func()) (total float64, err error) {
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

// measureLoader measures files to batches of bytes.
func measureLoader(ctx context.Context, o Options, job trainer.Job) (res Result, err error) {
	ds, err := trainer.OpenData(job)
	if err != nil {
		return res, err
	}
	defer ds.Close()
	l, err := data.NewLoader(ds, trainer.LoaderOptions(job, ds, 0))
	if err != nil {
		return res, err
	}
	defer l.Close()
	if res.BaseMiB, _, err = memoryMiB(torch.CPU); err != nil {
		return res, err
	}
	res.Batch, res.Steps, res.Data, res.Device, res.Workers, res.Version = job.Batch, o.Steps, job.Data.Spec, "none", l.Workers(), release.Version()
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
