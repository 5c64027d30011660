package gan

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"forger/data"
	"forger/torch"
	"forger/torch/pt"
	"forger/vision"
)

// Version is what checkpoints record of the program; the command sets it.
var Version = "unknown"

// Train runs cfg to the first of its bounds, or until ctx ends: then the step is finished and everything saved, and
// that is no error. Errors of the command line and the config are *UsageError.
func Train(ctx context.Context, cfg Config, ob Observer) (res Result, err error) {
	defer torch.Catch(&err)
	if err := cfg.Validate(); err != nil {
		return res, err
	}
	if cfg.Out != "" {
		if err := holdsNoRun(cfg.Out); err != nil {
			return res, err
		}
	}
	asked := cfg
	cfg = cfg.filled()
	source, _ := DataSeeds(cfg.Seed)
	ds, err := data.Open(cfg.Data, data.Options{Size: cfg.Size, Channels: cfg.Channels, Seed: source})
	if err != nil {
		return res, err
	}
	defer ds.Close()
	dev, why, err := OpenDevice(cfg.Device)
	if err != nil {
		return res, err
	}
	resolved := resolve(cfg, ds, dev)
	r := &run{cfg: cfg, resolved: resolved, ob: ob}
	if r.trainer, err = newTrainer(cfg, resolved, ds, dev); err != nil {
		return res, err
	}
	defer r.trainer.close()
	started := Started{Device: dev.String(), Why: why, Images: ds.Len(), Resolved: resolved, TotalSteps: r.trainer.totalSteps()}
	if cfg.DryRun {
		ob.Started(started)
		return res, r.dryRun(ctx)
	}
	text, err := asked.yaml(resolved)
	if err != nil {
		return res, err
	}
	// Read before anything is written, so that a source that cannot be read leaves nothing behind.
	real, n, err := data.Preview(ctx, ds, sampleGrid)
	if err != nil {
		return res, err
	}
	if r.dir, err = createRun(cfg, text); err != nil {
		return res, err
	}
	defer r.dir.close()
	started.Dir = r.dir.path
	ob.Started(started)
	if err := r.saveGrid("real.png", real, n); err != nil {
		return res, err
	}
	return r.run(ctx)
}

// resolve decides what the config left open, and sets what holds for the whole process.
func resolve(cfg Config, ds data.Dataset, dev torch.Device) Resolved {
	precision := cfg.Precision
	if precision == "" {
		precision = "fp32"
		if dev.CUDA {
			precision = "tf32"
		}
	}
	if cfg.Threads > 0 {
		torch.SetThreads(cfg.Threads)
	}
	torch.SetMath(torch.Math{TF32: precision != "fp32", Deterministic: cfg.Deterministic, Autotune: true})
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return Resolved{
		Size: cfg.Size, Channels: ds.Shape().Channels, Device: dev.String(), Precision: precision,
		Layout: "channels_last", Threads: torch.Threads(), Workers: workers, Libtorch: torch.Version(),
		Decoder: vision.Decoder, Images: ds.Len(),
	}
}

// run is a trainer with a directory to write to.
type run struct {
	*trainer
	cfg      Config
	resolved Resolved
	dir      *runDir
	ob       Observer

	lastSample, lastCheckpoint int64 // steps at which they were written
	sampled, saved             string
}

func (r *run) dryRun(ctx context.Context) error {
	if err := r.trainStep(ctx); err != nil {
		return err
	}
	_, _, err := r.readMeters()
	return err
}

func (r *run) run(ctx context.Context) (Result, error) {
	r.clock.start = time.Now()
	r.clock.last = r.clock.start
	for !r.done() && ctx.Err() == nil {
		err := r.trainStep(ctx)
		if stopped(ctx, err) {
			break
		}
		if err != nil {
			return Result{}, r.keep(err)
		}
		r.ob.Stepped(r.step, r.images)
		if err := r.cadence(); err != nil {
			return Result{}, r.explain(err)
		}
	}
	if err := r.finish(); err != nil {
		return Result{}, r.explain(err)
	}
	return Result{
		Dir: r.dir.path, Step: r.step, Images: r.images, LastSample: r.sampled, Checkpoint: r.saved, Stopped: !r.done(),
	}, nil
}

// keep saves what was trained before an error that is not the training's own, such as an image that cannot be read.
func (r *run) keep(err error) error {
	if r.step == 0 {
		return err
	}
	if failed := r.finish(); failed != nil {
		return errors.Join(err, failed)
	}
	return fmt.Errorf("%w (step %d is saved in %s)", err, r.step, r.saved)
}

// cadence does what is due at this step.
func (r *run) cadence() error {
	if r.step%int64(r.cfg.LogEvery) == 0 {
		line, err := r.logLine(time.Now())
		if err != nil {
			return err
		}
		if err := r.dir.log(line); err != nil {
			return err
		}
		r.ob.Logged(line)
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

// finish leaves a checkpoint and a sample grid of the last step, whatever the cadences are. It logs nothing and resets
// no meter, so that a run that goes on from here writes the same lines as one that never stopped.
func (r *run) finish() error {
	if r.saved == "" || r.lastCheckpoint != r.step {
		if err := r.saveCheckpoint(); err != nil {
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
	if err := r.saveGrid(name, images(r.root, r.st.gen, r.fixed), sampleGrid); err != nil {
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

func (r *run) saveCheckpoint() error {
	root, err := r.checkpoint(r.resolved)
	if err != nil {
		return err
	}
	path := r.dir.checkpointPath(r.step)
	if err := pt.WriteFile(path, root); err != nil {
		return err
	}
	r.saved, r.lastCheckpoint = path, r.step
	if err := r.dir.published(path, r.cfg.Keep); err != nil {
		return err
	}
	r.ob.Wrote(path)
	return nil
}

// explain adds to a loss that is not finite what a user needs at three in the morning.
func (r *run) explain(err error) error {
	var bad *NotFiniteError
	if !errors.As(err, &bad) {
		return err
	}
	last := "there is no checkpoint before it"
	if r.saved != "" {
		last = "the last good checkpoint is " + r.saved
	}
	return fmt.Errorf("%w: %s: lower --lr, or try another --loss or --precision fp32", bad, last)
}
