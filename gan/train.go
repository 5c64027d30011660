package gan

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"forger/data"
	"forger/torch"
	"forger/torch/pt"
	"forger/vision"
)

// Version and Revision are what checkpoints record of the program: the command sets the one, the build the other.
var (
	Version  = "unknown"
	Revision = "unknown" // the commit
)

// Train runs cfg to the first of its bounds, or until ctx ends: then the step is finished and everything saved, and
// that is no error. Errors of the command line and the config are *UsageError.
func Train(ctx context.Context, cfg Config, ob Observer) (res Result, err error) {
	defer torch.Catch(&err)
	o, err := begin(cfg)
	if err != nil {
		return res, err
	}
	defer o.close()
	defer o.cfg.explainMemory(&err)
	defer torch.Catch(&err)
	if err := o.cfg.Validate(); err != nil {
		return res, err
	}
	ds, err := o.cfg.open()
	if err != nil {
		return res, err
	}
	defer ds.Close()
	if err := o.sameData(ds.Fingerprint(), ds.Len()); err != nil {
		return res, err
	}
	dev, why, err := OpenDevice(o.device())
	if err != nil {
		return res, o.elsewhere(err)
	}
	resolved, err := o.resolve(ds, dev)
	if err != nil {
		return res, err
	}
	if o.cfg.VerifyResume > 0 {
		return res, verifyResume(ctx, o.cfg, resolved, ds, dev, ob)
	}
	r := &run{cfg: o.cfg, ob: ob, dir: o.dir, skipped: map[int]bool{}}
	if r.trainer, err = o.trainer(ctx, resolved, ds, dev); err != nil {
		return res, err
	}
	defer r.trainer.close()
	for _, note := range o.notes {
		ob.Warned(note)
	}
	started := Started{
		Device: dev.String(), Why: why, Images: ds.Len(), Resolved: r.resolved, Step: r.step, TotalSteps: r.totalSteps(),
	}
	if o.cfg.DryRun {
		ob.Started(started)
		return res, r.dryRun(ctx)
	}
	if err := r.open(ctx, cfg, o); err != nil {
		return res, err
	}
	defer r.dir.close()
	o.dir = nil // the run closes it
	started.Dir = r.dir.path
	ob.Started(started)
	return r.run(ctx)
}

// begin finds where the run of cfg starts from.
func begin(cfg Config) (*origin, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Resume != "" {
		return resumed(cfg)
	}
	return fresh(cfg)
}

// open makes the run's directory, or goes on in the one it has. asked is the config before defaults filled it.
func (r *run) open(ctx context.Context, asked Config, o *origin) error {
	if o.dir != nil {
		text, err := o.cfg.yaml(r.resolved)
		if err != nil {
			return err
		}
		if o.file != nil {
			r.saver.last = saved{o.path, r.step}
		}
		if err := o.dir.goOn(text, r.step); err != nil {
			return fmt.Errorf("%s: %w: it must be writable to resume", o.dir.path, bare(err))
		}
		r.saver.dir, r.saver.keep = o.dir, r.cfg.Keep
		if o.file != nil {
			return nil
		}
	}
	// Read before anything is written, so that a source that cannot be read leaves nothing behind.
	_, order := DataSeeds(r.cfg.Seed)
	real, n, err := data.Preview(ctx, r.ds, sampleGrid, order)
	if err != nil {
		return err
	}
	if o.dir == nil {
		text, err := asked.yaml(r.resolved)
		if err != nil {
			return err
		}
		if r.dir, err = createRun(r.cfg, text); err != nil {
			return err
		}
		r.saver.dir, r.saver.keep = r.dir, r.cfg.Keep
	}
	return r.saveGrid("real.png", real, n)
}

// device is the device to ask for: a resumed run goes on where it was, unless another is given.
func (o *origin) device() string {
	if o.resolved != nil && !given(o.cfg, "device") {
		return o.resolved.Device
	}
	return o.cfg.Device
}

// elsewhere explains that a resumed run's device is not there.
func (o *origin) elsewhere(err error) error {
	if o.resolved == nil || given(o.cfg, "device") {
		return err
	}
	return fmt.Errorf("the run trained on %s: %w; or go on elsewhere with --device (bits may then differ)", o.resolved.Device, err)
}

// resolve decides what the config left open, or takes up what the run decided when it began, and sets what holds for the
// whole process.
func (o *origin) resolve(ds data.Dataset, dev torch.Device) (Resolved, error) {
	cfg, was := o.cfg, o.resolved
	r := Resolved{
		Size: cfg.Size, Channels: ds.Shape().Channels, Device: dev.String(), Precision: cfg.Precision,
		Layout: cfg.Layout, Workers: cfg.Workers, Libtorch: torch.Version(), Decoder: vision.Decoder, Images: ds.Len(),
	}
	var err error
	if r.Graph, err = o.graph(dev); err != nil {
		return r, err
	}
	threads := cfg.Threads
	if was != nil {
		if was.Decoder != r.Decoder {
			return r, fmt.Errorf("the images were decoded by %s, and this program has %s: resume with a program that has the former",
				was.Decoder, r.Decoder)
		}
		if was.Device != r.Device || was.Libtorch != r.Libtorch {
			o.notes = append(o.notes, fmt.Sprintf("trained on %s with libtorch %s, goes on on %s with %s: bits may differ",
				was.Device, was.Libtorch, r.Device, r.Libtorch))
		}
		threads, r.Precision, r.Layout, r.Conv = was.Threads, was.Precision, was.Layout, was.Conv
	}
	if r.Precision == "" {
		r.Precision = "fp32"
		if dev.CUDA {
			r.Precision = "tf32"
		}
	}
	r.Conv = o.convolutions(r)
	if r.Threads = threads; threads == 0 {
		r.Threads = torch.DefaultThreads()
	}
	torch.SetMath(torch.Math{TF32: r.Precision != "fp32", Deterministic: cfg.Deterministic, Autotune: true})
	if r.Workers == 0 {
		r.Workers = runtime.GOMAXPROCS(0)
	}
	if r.Layout != "auto" {
		return r, nil
	}
	r.Layout = defaultLayout
	if dev.CUDA {
		return r, nil
	}
	cfg.Precision, cfg.Threads = r.Precision, r.Threads
	r.Layout, err = chooseLayout(cfg, ds.Shape(), r.Conv)
	return r, err
}

// convolutions is who computes them: whoever did when the run began, or else the best that this processor has.
func (o *origin) convolutions(r Resolved) string {
	best := torch.BestConv()
	if r.Device != "cpu" || r.Precision != "fp32" || o.cfg.Conv == "stock" {
		return torch.ConvStock.String()
	}
	was, ok := torch.ConvKernelsNamed(r.Conv)
	if ok && was <= best {
		return r.Conv
	}
	if ok {
		o.notes = append(o.notes, fmt.Sprintf("trained with %s convolutions, which this processor has not: bits may differ", was))
	}
	if o.cfg.Conv == "fast" && best == torch.ConvStock {
		o.notes = append(o.notes, "--conv fast: this processor has neither AVX-512 nor AVX2: libtorch computes the convolutions")
	}
	return best.String()
}

// trainer builds the trainer and sets it to where the run starts from.
func (o *origin) trainer(ctx context.Context, resolved Resolved, ds data.Dataset, dev torch.Device) (_ *trainer, err error) {
	t, err := newTrainer(o.cfg, resolved, ds, dev)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	defer torch.Catch(&err)
	if o.file != nil {
		root, err := pt.At[*pt.Dict](o.file.Root())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.path, err)
		}
		notes, err := t.restore(root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.path, err)
		}
		o.notes = append(o.notes, notes...)
	} else if err := t.initialise(); err != nil {
		return nil, err
	}
	if err := t.startFeed(ctx); err != nil {
		return nil, err
	}
	return t, o.captureStep(t)
}

// run is a trainer with a directory to write to.
type run struct {
	*trainer
	cfg   Config
	dir   *runDir
	ob    Observer
	saver saver

	sampled    string       // the last grid
	lastSample int64        // the step it was drawn at
	skipped    map[int]bool // images whose files were told of: they are none
}

func (r *run) dryRun(ctx context.Context) error {
	if err := r.trainStep(ctx); err != nil {
		return err
	}
	_, _, err := r.readMeters()
	return err
}

func (r *run) run(ctx context.Context) (Result, error) {
	r.begin()
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
		Dir: r.dir.path, Step: r.step, Images: r.images, LastSample: r.sampled, Checkpoint: r.saver.last.path,
		Stopped: !r.done(),
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
	return fmt.Errorf("%w (step %d is saved in %s)", err, r.step, r.saver.last.path)
}
