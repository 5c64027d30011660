package trainer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"forger/data"
	"forger/gan/report"
	"forger/gan/rundir"
	"forger/internal/atomicfile"
	"forger/torch"
)

// run is a training with a directory to write to.
type run struct {
	*Trainer
	dir   *rundir.Dir
	lines *report.Lines
	ob    report.Observer
	saver saver

	alerts *report.Lines       // nil: there was none yet
	events *report.TensorBoard // nil: none is wanted
	eval   *evaluator          // nil: nothing was evaluated yet

	real        []byte       // data that pictures show
	realLabels  []int32      // its own
	realPicture string       // its picture, of a run that begins
	sampled     string       // the last picture
	lastSample  int64        // the step it was drawn at
	skipped     map[int]bool // images whose files were told of: they are none
}

// Run trains job from where it starts to the first of its bounds, or until ctx ends: then the step is finished and
// everything saved, and that is no error.
func Run(ctx context.Context, job Job, from *Origin, ob report.Observer) (res report.Result, err error) {
	defer func() { err = job.Meeting.Blame(err) }()
	defer torch.Catch(&err)
	defer job.explainMemory(&err)
	defer torch.Catch(&err)
	p, err := prepare(job, from)
	if err != nil {
		return res, err
	}
	defer p.ds.Close()
	if job.VerifyResume > 0 {
		return res, p.verifyResume(ctx, ob)
	}
	t, err := p.trainer(ctx)
	if err != nil {
		return res, err
	}
	defer t.Close()
	if !job.Meeting.Leads() {
		return res, t.follow(ctx)
	}
	p.tell(ob)
	t.warn = ob.Warned
	started := p.started(t)
	if job.DryRun {
		ob.Started(started)
		return t.dryRun(ctx)
	}
	r := &run{Trainer: t, ob: ob, skipped: map[int]bool{}}
	if err := r.open(ctx, p); err != nil {
		return res, err
	}
	defer r.close(&err)
	started.Dir = r.dir.Path
	ob.Started(started)
	return r.train(ctx)
}

// tell tells what the user should know of how the run starts, once each.
func (p *setup) tell(ob report.Observer) {
	for _, note := range p.from.notes {
		ob.Warned(note)
	}
	p.from.notes = nil
}

func (p *setup) started(t *Trainer) report.Started {
	r := t.resolved
	return report.Started{
		Device: p.dev.String(), Why: p.why, Libtorch: r.Libtorch, Precision: r.Precision, Threads: r.Threads, Ranks: p.job.Meeting.Ranks(),
		Images: p.ds.Len(), Shape: p.ds.Shape(), Step: t.step, TotalSteps: t.totalSteps(),
	}
}

// open makes the run's directory, or goes on in the one it has.
func (r *run) open(ctx context.Context, p *setup) error {
	config, err := p.job.Settings.YAML(r.resolved)
	if err != nil {
		return err
	}
	from := p.from
	if r.dir, from.dir = from.dir, nil; r.dir != nil { // the run closes it now
		if err := r.dir.Begin(config); err != nil {
			return fmt.Errorf("%s: %w: it must be writable to resume", r.dir.Path, atomicfile.Bare(err))
		}
	}
	if from.file != nil {
		r.saver.last = saved{from.path, r.step}
		err = r.look(ctx)
	} else {
		err = r.first(ctx, config)
	}
	if err != nil {
		return err
	}
	if r.lines, err = report.OpenLines(r.dir.Metrics(), r.step); err != nil {
		return fmt.Errorf("%s: %w: it must be writable", r.dir.Metrics(), atomicfile.Bare(err))
	}
	r.saver.dir, r.saver.lines, r.saver.keep = r.dir, r.lines, r.job.Keep
	if err := r.goOnWarning(); err != nil {
		return err
	}
	return r.openEvents(config, from.file == nil)
}

// openEvents begins the file for TensorBoard, where one is wanted; that of a run that begins has the real data too.
func (r *run) openEvents(config []byte, begins bool) (err error) {
	if !r.job.TensorBoard {
		return nil
	}
	of := report.Described{Settings: r.settings(), YAML: string(config)}
	for _, m := range r.parts.Meters {
		of.Figures = append(of.Figures, m.Names...)
	}
	if w := r.job.Watch; w.EvalEvery > 0 {
		for _, name := range strings.Split(w.Eval, ",") {
			of.Figures = append(of.Figures, evalPrefix+name)
		}
	}
	if r.events, err = report.OpenTensorBoard(r.dir.Path, r.step, of); err != nil || !begins {
		return err
	}
	return r.events.Picture(0, "real", r.realPicture)
}

// first makes the directory of a run that begins, and shows what it will learn. The data is read before anything is
// written, so that a source that cannot be read leaves nothing behind.
func (r *run) first(ctx context.Context, config []byte) (err error) {
	if err = r.look(ctx); err != nil {
		return err
	}
	if r.dir == nil {
		if r.dir, err = rundir.Create(r.job.Out, r.job.name(), config); err != nil {
			return err
		}
		r.warn(r.dir.Warning)
	}
	r.realPicture, err = report.Picture(r.dir.Sample("real"), r.ds.Shape(), report.Samples{Real: r.real, Mixture: data.MixtureOf(r.ds.Spec())})
	return err
}

// look reads the data that pictures show.
func (r *run) look(ctx context.Context) (err error) {
	of := r.ds.Shape()
	if r.real, r.realLabels, err = data.Preview(ctx, r.ds, report.Shown(of), planOf(r.job, r.ds).Seed); err != nil {
		return err
	}
	return r.learnSpread(len(r.realLabels))
}

// warn tells the user, where there is something to tell.
func (r *run) warn(text string) {
	if text != "" {
		r.ob.Warned(text)
	}
}

// close waits for a checkpoint that is still being written, whatever ends the run: it may be the newest good one.
func (r *run) close(err *error) {
	if _, failed := r.saver.wait(); failed != nil {
		*err = errors.Join(*err, failed)
	}
	for _, lines := range []*report.Lines{r.lines, r.alerts} {
		if lines != nil {
			*err = errors.Join(*err, lines.Close())
		}
	}
	*err = errors.Join(*err, r.events.Close())
	if r.eval != nil {
		r.eval.extractor.Close()
	}
	if r.dir != nil {
		r.dir.Close()
	}
}

// train is the training.
func (r *run) train(ctx context.Context) (report.Result, error) {
	first := r.step
	r.begin()
	enough := false
	for !r.done() && (ctx.Err() == nil || r.comm() != nil) { // several ranks stop together, by vote
		err := r.TrainStep(ctx)
		if stopped(ctx, err) || errors.Is(err, errStopped) {
			break
		}
		var apart apartError
		if errors.As(err, &apart) {
			return report.Result{}, err
		}
		if err != nil {
			return report.Result{}, r.keepTogether(err)
		}
		r.ob.Stepped(r.step, r.images)
		err = r.cadence(ctx)
		if errors.Is(err, errPatience) {
			enough = true
			r.leave()
			break
		}
		var ill *illError
		if errors.As(err, &ill) {
			r.leave()
			return report.Result{}, r.keepTogether(err)
		}
		if err != nil {
			return report.Result{}, r.explain(err)
		}
	}
	if err := r.settled(); err != nil {
		return report.Result{}, r.explain(err)
	}
	if err := r.finish(); err != nil {
		return report.Result{}, r.explain(err)
	}
	if r.done() || enough {
		if err := r.events.Done(); err != nil {
			return report.Result{}, err
		}
	}
	return report.Result{
		Dir: r.dir.Path, First: first, Step: r.step, Images: r.images, LastSample: r.sampled, Checkpoint: r.saver.last.path,
		Stopped: !r.done() && !enough, Enough: enough, Best: r.best(),
	}, nil
}

// keepTogether is keepTrained once the ranks have brought together what they have apart.
func (r *run) keepTogether(err error) error {
	if apart := r.settled(); apart != nil {
		return errors.Join(err, apart)
	}
	return r.keepTrained(err)
}

// keepTrained saves what was trained before an error that is not the training's own, such as an image that cannot be read.
func (r *run) keepTrained(err error) error {
	if r.step == 0 {
		return err
	}
	if failed := r.finish(); failed != nil {
		return errors.Join(err, failed)
	}
	return fmt.Errorf("%w (step %d is saved in %s)", err, r.step, r.saver.last.path)
}
