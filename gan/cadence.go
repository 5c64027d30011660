package gan

import (
	"errors"
	"fmt"
	"time"

	"forger/data"
	"forger/vision"
)

// cadence does what is due at this step.
func (r *run) cadence() error {
	if err := r.written(r.saver.poll()); err != nil {
		return err
	}
	if r.step%int64(r.cfg.LogEvery) == 0 {
		line, err := r.logLine(time.Now())
		if err != nil {
			return err
		}
		if err := r.dir.log(line); err != nil {
			return err
		}
		r.ob.Logged(line)
		r.tellSkipped()
	}
	if r.step%int64(r.cfg.SampleEvery) == 0 {
		if err := r.saveSample(); err != nil {
			return err
		}
	}
	if r.step%int64(r.cfg.CheckpointEvery) == 0 {
		return r.saveCheckpoint()
	}
	return nil
}

// tellSkipped tells of the files that were no images, once each.
func (r *run) tellSkipped() {
	for _, s := range data.Skipped(r.ds) {
		if !r.skipped[s.Image] && s.Instead >= 0 {
			r.skipped[s.Image] = true
			r.ob.Warned(fmt.Sprintf("%v: image %d stands in for it (%d of %d allowed)", s.Err, s.Instead, len(r.skipped), r.cfg.SkipCorrupt))
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

func (r *run) saveSample() error {
	name := fmt.Sprintf("step-%08d.png", r.step)
	if err := r.saveGrid(name, images(r.root, r.drawn(), r.fixed), sampleGrid); err != nil {
		return err
	}
	r.sampled, r.lastSample = r.dir.sample(name), r.step
	r.ob.Wrote(r.sampled)
	return nil
}

// saveGrid writes n images of the run's shape to the samples.
func (r *run) saveGrid(name string, pixels []byte, n int) error {
	shape := r.ds.Shape()
	return vision.SavePNG(r.dir.sample(name), vision.Grid(pixels, n, shape.Height, shape.Width, shape.Channels, 8))
}

// saveCheckpoint takes the state and starts to write it; the training goes on meanwhile, unless --save sync.
func (r *run) saveCheckpoint() error {
	if err := r.written(r.saver.wait()); err != nil { // the one before may still be in flight
		return err
	}
	if r.cfg.Save == "sync" {
		root, err := r.checkpoint(onDemand)
		if err != nil {
			return err
		}
		return r.written(true, r.saver.writeNow(root, r.step))
	}
	r.saver.snap.reset()
	root, err := r.checkpoint(r.saver.snap.take)
	if err != nil {
		return err
	}
	r.saver.start(root, r.step)
	return nil
}

// written tells of a checkpoint that was written since the last call, or could not be.
func (r *run) written(done bool, err error) error {
	var failed *SaveError
	switch {
	case errors.As(err, &failed) && r.cfg.OnSaveError == "warn" && !isNotFinite(err):
		r.ob.Warned(fmt.Sprintf("%v: %s: trains on", err, r.lastGood()))
	case err != nil:
		return err
	case done:
		r.ob.Wrote(r.saver.last.path)
	}
	return nil
}

func isNotFinite(err error) bool {
	var bad *NotFiniteError
	return errors.As(err, &bad)
}

func (r *run) lastGood() string {
	if r.saver.last.path == "" {
		return "there is no checkpoint before it"
	}
	return "the last good checkpoint is " + r.saver.last.path
}

// explain adds to what went wrong what a user needs at three in the morning.
func (r *run) explain(err error) error {
	var bad *NotFiniteError
	var failed *SaveError
	switch {
	case errors.As(err, &bad):
		return fmt.Errorf("%w: %s: lower --lr, or try another --loss or --precision fp32", bad, r.lastGood())
	case errors.As(err, &failed):
		return fmt.Errorf("%w: %s: make room, then go on with --resume %s", failed, r.lastGood(), r.dir.path)
	}
	return err
}
