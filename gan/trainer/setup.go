package trainer

import (
	"context"
	"fmt"
	"strings"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/model"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/pt"
)

// setup is a job with all that it needs from outside: where it starts from, its data, its device, and what it decided.
type setup struct {
	job      Job
	from     *Origin
	ds       data.Dataset
	dev      torch.Device
	why      string // this device
	resolved Resolved
}

func (p *setup) note(format string, args ...any) {
	p.from.notes = append(p.from.notes, fmt.Sprintf(format, args...))
}

// prepare opens data and device, and decides. The caller closes the data.
func prepare(job Job, from *Origin) (_ *setup, err error) {
	p := &setup{job: job, from: from}
	job.Data.Warn = func(text string) { p.note("%s", text) }
	if p.ds, err = OpenData(job); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.ds.Close()
		}
	}()
	if err := p.sameData(); err != nil {
		return nil, err
	}
	plan := planOf(job, p.ds)
	if err := plan.Check(); err != nil {
		return nil, err
	}
	if err := job.Method.CheckLast(plan.Last()); err != nil {
		return nil, err
	}
	if err := job.Method.CheckShape(p.ds.Shape()); err != nil {
		return nil, err
	}
	if err := p.labels(); err != nil {
		return nil, err
	}
	name, err := p.device()
	if err != nil {
		return nil, err
	}
	if p.dev, p.why, err = torch.OpenDevice(name); err != nil {
		return nil, p.elsewhere(err)
	}
	if p.from.resolved != nil && !job.Given.Has("device") {
		p.why = "where it trained before"
	}
	return p, p.resolve()
}

// labels refuses data whose labels cannot be learnt where they are to be.
func (p *setup) labels() error {
	o := p.job.Method.Model
	if !o.IsConditional() {
		return nil
	}
	seen, unlabelled := map[int]bool{}, false
	for i := range p.ds.Len() {
		label := p.ds.Label(i)
		seen[label] = true
		unlabelled = unlabelled || label < 0
	}
	return o.CheckClasses(p.ds.Spec(), len(p.ds.Classes()), len(seen), unlabelled)
}

// OpenData opens the job's data, at the model's own size where none is asked for.
func OpenData(job Job) (data.Dataset, error) {
	job.Data.Sharers = job.Meeting.Local
	return job.Data.Open(job.Seed, model.Table[job.Method.Model.Name].Size)
}

// device is the device to ask for: a resumed run goes on where it was, unless another is given. Of several ranks each has its own.
func (p *setup) device() (string, error) {
	name, given := p.job.Device, p.from.resolved == nil || p.job.Given.Has("device")
	if !given {
		name = p.from.resolved.Device
	}
	if p.job.Meeting == nil || name == "cpu" {
		return name, nil
	}
	if given && strings.Contains(name, ":") {
		return "", setting.Usagef("--device %s: the ranks of a run have a device each: use --device cuda", name)
	}
	visible, err := torch.OpenCUDA()
	if err != nil && name == "auto" {
		return "cpu", nil
	}
	if err != nil {
		return "", err
	}
	index, err := p.job.Meeting.World.Device(visible)
	return fmt.Sprint("cuda:", index), err
}

// elsewhere explains that a resumed run's device is not there.
func (p *setup) elsewhere(err error) error {
	if p.from.resolved == nil || p.job.Given.Has("device") {
		return err
	}
	return fmt.Errorf("the run trained on %s: %w; or go on elsewhere with --device (bits may then differ)", p.from.resolved.Device, err)
}

// trainer builds the trainer and sets it to where the run starts from.
func (p *setup) trainer(ctx context.Context) (_ *Trainer, err error) {
	fresh := p.from.file == nil
	mean, err := p.mean(ctx, fresh)
	if err != nil {
		return nil, err
	}
	t, err := newTrainer(p.job, p.resolved, p.ds, p.dev, fresh, mean)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	defer torch.Catch(&err)
	p.from.notes = append(p.from.notes, t.parts.Notes...)
	if p.from.file != nil {
		if err := p.restore(t); err != nil {
			return nil, fmt.Errorf("%s: %w", p.from.path, err)
		}
	}
	t.warn = func(text string) { p.note("%s", text) }
	if err := p.join(t); err != nil {
		return nil, err
	}
	if t.expected, err = t.forecast(); err != nil {
		return nil, err
	}
	if err := t.startFeed(ctx); err != nil {
		return nil, err
	}
	return t, p.captureStep(t)
}

// restore sets t to where the checkpoint was taken.
func (p *setup) restore(t *Trainer) error {
	root, err := pt.At[*pt.Dict](p.from.file.Root())
	if err != nil {
		return err
	}
	// Rates may be given anew, and dials stand where the step before left them.
	h, notes, err := checkpoint.Restore(t.root, root, t.parts, p.job.Seed, t.fixed, []string{"lr", "momentum"})
	if err != nil {
		return err
	}
	p.from.notes = append(p.from.notes, notes...)
	if err := t.goOn(h); err != nil {
		return err
	}
	return p.reschedule(t)
}

// Borrow builds the training of a job that begins, hands it to use, and closes it. notes say what the user should know.
func Borrow(ctx context.Context, job Job, use func(*Trainer) error) (notes []string, err error) {
	defer torch.Catch(&err)
	defer job.explainMemory(&err)
	defer torch.Catch(&err)
	p, err := prepare(job, &Origin{})
	if err != nil {
		return nil, err
	}
	defer p.ds.Close()
	t, err := p.trainer(ctx)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	err = use(t)
	return p.from.notes, err
}
