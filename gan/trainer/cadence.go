package trainer

import (
	"context"
	"errors"
	"fmt"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/method"
	"forger/gan/report"
	"forger/torch"
)

// cadence does what is due at this step.
func (r *run) cadence(ctx context.Context) error {
	if err := r.written(r.saver.poll()); err != nil {
		return err
	}
	figures, ended := r.evaluate(ctx)
	if stopped(ctx, ended) {
		figures, ended = nil, nil // the step is saved without
	}
	if ended != nil && !errors.Is(ended, errPatience) {
		return ended
	}
	if err := r.log(ctx, figures); err != nil {
		return err
	}
	if r.step%int64(r.job.SampleEvery) == 0 {
		if err := r.saveSample(); err != nil {
			return err
		}
	}
	if r.step%int64(r.job.CheckpointEvery) == 0 {
		if err := r.saveCheckpoint(); err != nil {
			return err
		}
	}
	return ended
}

// log writes the line that is due, with what was measured; between two logs one of that alone.
func (r *run) log(ctx context.Context, figures []report.Mean) error {
	due := r.step%int64(r.job.LogEvery) == 0
	line := report.Line{Step: r.step, Images: r.images, Epoch: r.epoch(), Aside: true}
	if !due && len(figures) == 0 {
		return nil
	}
	if due {
		var err error
		if line, err = r.logLine(); err != nil {
			return err
		}
	}
	line.Means = append(line.Means, figures...)
	if err := errors.Join(r.lines.Append(line), r.events.Logged(line)); err != nil {
		return err
	}
	var seen *alert
	if due {
		seen = r.lookAt(line)
	}
	line.State = r.health.Sentinel.State
	r.ob.Logged(line)
	r.tellSkipped()
	return r.heed(ctx, seen)
}

// tellSkipped tells of the files that were no images, once each.
func (r *run) tellSkipped() {
	for _, s := range data.Skipped(r.ds) {
		if !r.skipped[s.Image] && s.Instead >= 0 {
			r.skipped[s.Image] = true
			r.ob.Warned(fmt.Sprintf("%v: image %d stands in for it (%d of %d allowed)", s.Err, s.Instead, len(r.skipped), r.job.Data.SkipCorrupt))
		}
	}
}

// finish leaves a checkpoint and a sample grid of the last step, whatever the cadences are. It logs nothing and resets
// no meter, so that a run that goes on from here writes the same lines as one that never stopped. The last checkpoint
// is what the run was for: that it cannot be written is an error, whatever --on-save-error says.
func (r *run) finish() error {
	r.tellSkipped()
	if err := r.written(r.saver.wait()); err != nil {
		return err
	}
	if r.saver.last.path == "" || r.saver.last.step != r.step {
		if err := r.saveCheckpoint(); err != nil {
			return err
		}
		done, err := r.saver.wait()
		if err != nil {
			return err
		}
		if err := r.written(done, nil); err != nil {
			return err
		}
	}
	if r.sampled == "" || r.lastSample != r.step {
		return r.saveSample()
	}
	return nil
}

// saveSample draws the fixed samples, with running statistics that stay as they are. No stream of random numbers moves.
func (r *run) saveSample() (err error) {
	c := r.root.Child(torch.NoGrad, torch.Eval)
	defer c.Close()
	samples := report.Samples{
		Real: r.real, Generated: method.Bytes(r.drawn(c, report.Shown(r.resolved.Shape())), r.ds.Shape()),
		Mixture: data.MixtureOf(r.ds.Spec()), Scope: c, Sampler: r.sampler, Judge: r.job.Method.Judge(r.parts.Nets),
	}
	if r.sampled, err = report.Picture(r.dir.Sample(fmt.Sprintf("step-%08d", r.step)), r.ds.Shape(), samples); err != nil {
		return err
	}
	r.lastSample = r.step
	r.ob.Wrote(r.sampled)
	if err := r.events.Picture(r.step, "samples", r.sampled); err != nil {
		return err
	}
	return r.saveReconstructions(c)
}

// comparedPairs is how many images and their reconstructions a picture shows.
const comparedPairs = 32

// saveReconstructions draws real images beside what the method makes of them, where it keeps something of an image.
func (r *run) saveReconstructions(c *torch.Scope) error {
	m, ok := r.m.(method.Reconstructor)
	if !ok {
		return nil
	}
	of := r.ds.Shape()
	n := min(len(r.realLabels), comparedPairs)
	seen, again := m.Reconstruct(method.Batch{X: upload(c, r.real[:n*of.Bytes()], n, of), Labels: r.labelled(c, r.realLabels[:n])})
	path, err := report.Pairs(r.dir.Sample(fmt.Sprintf("reconstructions-%08d", r.step)), of, seen.Pixels(), again.Pixels())
	if err != nil {
		return err
	}
	r.ob.Wrote(path)
	return r.events.Picture(r.step, "reconstructions", path)
}

// saveCheckpoint takes the state and starts to write it; the training goes on meanwhile, unless --save sync.
func (r *run) saveCheckpoint() error {
	if err := r.written(r.saver.wait()); err != nil { // the one before may still be in flight
		return err
	}
	if r.job.Save == "sync" {
		root, err := r.tree(checkpoint.OnDemand)
		if err != nil {
			return err
		}
		return r.written(true, r.saver.writeNow(root, r.step))
	}
	r.saver.snap.Reset()
	root, err := r.tree(r.saver.snap.Take)
	if err != nil {
		return err
	}
	r.saver.start(root, r.step)
	return nil
}

// written tells of a checkpoint that was written since the last call, or could not be.
func (r *run) written(done bool, err error) error {
	var failed *SaveError
	var bad *checkpoint.NotFiniteError
	switch {
	case errors.As(err, &failed) && r.job.OnSaveError == "warn" && !errors.As(err, &bad):
		r.ob.Warned(fmt.Sprintf("%v: %s: trains on", err, r.lastGood()))
	case err != nil:
		return err
	case done:
		r.ob.Wrote(r.saver.last.path)
	}
	return nil
}

func (r *run) lastGood() string {
	if r.saver.last.path == "" {
		return "there is no checkpoint before it"
	}
	return "the last good checkpoint is " + r.saver.last.path
}

// explain adds to what went wrong what a user needs at three in the morning. A checkpoint that is still being written is
// waited for: it may be the last good one.
func (r *run) explain(err error) error {
	if written := r.written(r.saver.wait()); written != nil {
		err = errors.Join(err, written)
	}
	var bad *checkpoint.NotFiniteError
	var failed *SaveError
	switch {
	case errors.As(err, &bad):
		return fmt.Errorf("%w: %s: lower --lr, or try another --loss, --precision fp32 or --conv stock", bad, r.lastGood())
	case errors.As(err, &failed):
		return fmt.Errorf("%w: %s: make room, then go on with --resume %s", failed, r.lastGood(), r.dir.Path)
	}
	return err
}
