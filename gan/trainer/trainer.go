package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/method"
	"forger/gan/model"
	"forger/gan/report"
	"forger/torch"
)

// Trainer holds a training in progress. One goroutine, locked to its thread, does all of it but the loading.
type Trainer struct {
	job      Job
	resolved Resolved
	ds       data.Dataset
	feed     feed
	root     *torch.Scope // the model's, sealed
	m        method.Method
	parts    *method.Parts
	sampler  method.Sampler
	fixed    torch.Tensor // the noise of the pictures' samples
	labels   torch.Tensor // theirs; the zero Tensor: they have none

	keep   capturer           // nil: steps run operation by operation
	graphs map[form]*captured // nil: this one cannot be captured
	warn   func(text string)  // what the user should know

	real   spread // of data like the fixed samples; zero before it is known
	health health

	step, images int64 // done
	clock        clock
	expected     report.Forecast
}

// clock measures the training since its start and since the last log.
type clock struct {
	start, last time.Time
	before      time.Duration // trained by the processes that this one goes on from
	wait        time.Duration // for data, since the last log
	images      int64         // at the last log of this process, or at its start
	step        int64         // at the last log
}

// begin starts the clock of this process.
func (t *Trainer) begin() {
	t.clock.start = time.Now()
	t.clock.last, t.clock.images = t.clock.start, t.images
}

// elapsed is how many seconds were trained.
func (c clock) elapsed() float64 {
	if c.start.IsZero() {
		return c.before.Seconds()
	}
	return (c.before + time.Since(c.start)).Seconds()
}

// newTrainer builds the method of a job; fresh: from the weights that the job names, where it names any, and from the mean of
// the data, where that is given.
func newTrainer(job Job, resolved Resolved, ds data.Dataset, dev torch.Device, fresh bool, mean []float32) (_ *Trainer, err error) {
	kernels, _ := torch.ConvKernelsNamed(resolved.Conv)
	options := []torch.Option{
		torch.On(dev), torch.Layout(layouts[resolved.Layout]), torch.Threads(resolved.Threads),
		torch.Convolutions(kernels, job.Conv == "fast"),
	}
	if resolved.Precision == "bf16" {
		options = append(options, torch.BF16)
	}
	root, err := torch.NewScope(options...)
	if err != nil {
		return nil, err
	}
	t := &Trainer{job: job, resolved: resolved, ds: ds, root: root, graphs: map[form]*captured{}}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	defer torch.Catch(&err)
	return t, t.build(fresh, mean)
}

// build makes what lives as long as the run, and seals its scope.
func (t *Trainer) build(fresh bool, mean []float32) error {
	b, o := model.NewBuilder(t.root, t.job.Seed), t.job.Method
	b.Mean = mean
	entry := o.Entry()
	nets := entry.Nets(b, o, t.resolved.Shape())
	o.Join(nets)
	if fresh {
		if err := t.initialise(nets); err != nil {
			return err
		}
	}
	t.m = entry.New(b, o, nets, t.job.Batch)
	t.parts = t.m.Parts()
	t.sampler = entry.Sampler(method.Drawn(nets), o, t.resolved.Shape())
	shown := report.Shown(t.resolved.Shape())
	t.fixed = t.sampler.Noise(t.root, b.Stream("samples"), shown)
	t.sampler.InRows(shown, report.GridColumns)
	t.labels = t.sampler.Labels(t.root, 0, shown)
	t.root.Seal()
	return nil
}

// Close frees what the training holds.
func (t *Trainer) Close() {
	if t.feed != nil {
		t.feed.close()
	}
	for _, g := range t.graphs {
		if g != nil {
			g.free()
		}
	}
	t.root.Close()
}

// totalSteps is the step at which the first bound is reached.
func (t *Trainer) totalSteps() int64 { return t.stepsTo(t.job.Options) }

// stepsTo is the same for the bounds of o.
func (t *Trainer) stepsTo(o Options) int64 {
	total := int64(math.MaxInt64)
	if o.Steps == 0 && o.Images == 0 && o.Epochs == 0 {
		o.Epochs = epochs
	}
	if o.Steps > 0 {
		total = int64(o.Steps)
	}
	p, k := planOf(t.job, t.ds), int64(t.m.Batches())
	if n := int64(o.Epochs); n > 0 {
		total = min(total, (n*p.PerEpoch()+k-1)/k)
	}
	if n := o.Images; n > 0 {
		// Batches before the one that reaches the bound: whole epochs first, which may end in a smaller batch.
		length := int64(p.Len)
		if p.DropLast {
			length = p.PerEpoch() * int64(p.Batch)
		}
		whole, rest := (n-1)/length, (n-1)%length
		total = min(total, (whole*p.PerEpoch()+rest/int64(p.Batch)+k)/k)
	}
	return total
}

// done reports whether a bound is reached.
func (t *Trainer) done() bool { return t.step >= t.totalSteps() }

// position counts the batches used; batch number position() of the run is the next.
func (t *Trainer) position() int64 { return t.step * int64(t.m.Batches()) }

// epoch is how many passes over the data are done, with the part of the present one.
func (t *Trainer) epoch() float64 {
	return float64(t.position()) / float64(planOf(t.job, t.ds).PerEpoch())
}

// TrainStep draws the batches of one step and trains on them. A cancelled context stops it between steps alone.
func (t *Trainer) TrainStep(ctx context.Context) error {
	s := t.root.Child()
	defer s.Close()
	if t.comm() != nil {
		return t.stepTogether(ctx, s)
	}
	batches, n, err := t.Next(ctx, s)
	if err != nil {
		return err
	}
	return t.RunStep(s, batches, n)
}

// Next draws the batches of a step, of n elements in all, into s.
func (t *Trainer) Next(ctx context.Context, s *torch.Scope) (batches []method.Batch, n int, err error) {
	for range t.m.Batches() {
		b, count, err := t.feed.next(ctx, s)
		if err != nil {
			return nil, 0, err
		}
		batches, n = append(batches, b), n+count
	}
	return batches, n, nil
}

// RunStep trains on the batches of a step, n elements in all.
func (t *Trainer) RunStep(s *torch.Scope, batches []method.Batch, n int) error {
	t.parts.Turn(t.step, t.totalSteps())
	if err := t.runVariant(s, batches, t.m.Variant(t.step)); err != nil {
		return err
	}
	t.step++
	t.images += int64(n)
	return nil
}

// readMeters fetches the sums since the last log and fails if one was not finite. It resets nothing.
func (t *Trainer) readMeters() (means []report.Mean, err error) {
	var bad *checkpoint.NotFiniteError
	for _, m := range t.parts.Meters {
		sums, n := m.Sums.Doubles(), len(m.Names)
		if sums[n] == 0 {
			continue // none of these steps had a value
		}
		if bads := int64(sums[n+1]); bads > 0 {
			first := int64(sums[n]) - bads + 1
			first = (first + int64(m.Every) - 1) / int64(m.Every) // counted in updates, of which a step may have several
			period := int64(max(m.Period, 1))
			first = (t.clock.step/period + first) * period
			if bad == nil || first < bad.Step {
				bad = &checkpoint.NotFiniteError{What: m.Names[0], Step: first}
			}
		}
		for i, name := range m.Names {
			means = append(means, report.Mean{Name: name, Label: m.Labels[i], Value: sums[i] / sums[n], Probability: m.Probabilities && i > 0})
		}
	}
	if bad != nil {
		return nil, bad
	}
	for _, f := range t.parts.Figures {
		for _, m := range means {
			if m.Name == f.Of {
				means = append(means, report.Mean{Name: f.Name, Value: f.At(m.Value)})
			}
		}
	}
	return means, nil
}

// logLine is the means since the last log, and starts the next interval.
func (t *Trainer) logLine() (report.Line, error) {
	means, err := t.readMeters() // waits for the device: only now is the interval over
	if err != nil {
		return report.Line{}, err
	}
	if t.real.apart > 0 {
		means = append(means, report.Mean{Name: "diversity", Label: "diversity", Value: t.diversity()})
	}
	now := time.Now()
	elapsed := now.Sub(t.clock.last).Seconds()
	line := report.Line{
		Step: t.step, Images: t.images, Epoch: t.epoch(), Means: means,
		ImagesPerSecond: float64(t.images-t.clock.images) / elapsed,
		DataWait:        math.Min(1, t.clock.wait.Seconds()/elapsed),
		Seconds:         t.clock.elapsed(),
	}
	line.HostMiB, line.DeviceMiB = t.memory()
	for _, m := range t.parts.Meters {
		m.Sums.Fill(0)
	}
	t.clock.last, t.clock.wait, t.clock.images, t.clock.step = now, 0, t.images, t.step
	return line, nil
}

// goOn sets t to where a checkpoint was taken.
func (t *Trainer) goOn(h checkpoint.Head) error {
	t.step, t.images, t.clock.step = h.Step, h.Images, h.LoggedStep
	t.clock.before = time.Duration(h.Seconds * float64(time.Second))
	if h.Data.Position != t.position() {
		return fmt.Errorf("data position %d: step %d with %d batches a step stands at %d: the file is damaged",
			h.Data.Position, t.step, t.m.Batches(), t.position())
	}
	if err := t.health.take(h.Health); err != nil {
		return err
	}
	t.applyRollbacks()
	return nil
}

// stopped reports whether an error is the context's and not a failure.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
