package trainer

import (
	"context"
	"time"

	"forger/data"
	"forger/gan/method"
	"forger/internal/seed"
	"forger/torch"
)

// The parts of a step that bring the data.
const (
	phaseData   = "data"
	phaseUpload = "upload"
)

// Phases lists the parts of a step, in its order.
func (t *Trainer) Phases() []string {
	return append([]string{phaseData, phaseUpload}, t.parts.Phases...)
}

// planOf says which elements make up each batch of a run.
func planOf(j Job, ds data.Dataset) data.Plan {
	_, order := seed.Data(j.Seed)
	return data.Plan{Len: ds.Len(), Batch: j.Batch, Seed: order, Shuffle: true, DropLast: j.Data.DropLast, Part: j.part()}
}

// part is what this rank reads of each batch.
func (j Job) part() data.Part {
	if j.Meeting == nil {
		return data.Part{}
	}
	return data.Part{Rank: j.Meeting.World.Rank, Ranks: j.Meeting.World.Size, Unit: j.Method.Pack}
}

// LoaderOptions are those of a loader that begins at batch start of a run.
func LoaderOptions(j Job, ds data.Dataset, start int64) data.LoaderOptions {
	p := planOf(j, ds)
	return data.LoaderOptions{
		Batch: p.Batch, Seed: p.Seed, Shuffle: p.Shuffle, DropLast: p.DropLast, Part: p.Part, Workers: j.Workers, Start: start,
	}
}

// upload brings n elements of a shape to the device, from bytes as a dataset yields them: images as float32 [N,C,H,W] in
// [-1,1], points as float32 [N,D].
func upload(s *torch.Scope, bytes []byte, n int, of data.Shape) torch.Tensor {
	if of.IsPoints() {
		return s.FromBytes(bytes, torch.Float32, n, of.Points)
	}
	return s.Images(bytes, n, of.Height, of.Width, of.Channels)
}

// feed yields the batches of a run on the device, as upload has them, in s: of each this rank's part, and how many elements all
// ranks have of it.
type feed interface {
	next(ctx context.Context, s *torch.Scope) (b method.Batch, n int, err error)
	close()
}

// startFeed begins at the batch that the next step needs.
func (t *Trainer) startFeed(ctx context.Context) (err error) {
	onDevice, err := t.cachesOnDevice()
	if err != nil {
		return err
	}
	if onDevice {
		t.feed, err = newStore(ctx, t)
		return err
	}
	o := LoaderOptions(t.job, t.ds, t.position())
	o.Workers = t.resolved.Workers
	l, err := data.NewLoader(t.ds, o)
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
	t      *Trainer
	loader *data.Loader
}

// labelled are the labels of a batch on the device, where they are learnt.
func (t *Trainer) labelled(s *torch.Scope, labels []int32) (x torch.Tensor) {
	if !t.job.Method.Model.IsConditional() {
		return x
	}
	return method.Labels(s, labels)
}

func (f *loading) next(ctx context.Context, s *torch.Scope) (batch method.Batch, n int, err error) {
	f.t.parts.At(phaseData)
	asked := time.Now()
	b, err := f.loader.Next(ctx)
	f.t.clock.wait += time.Since(asked)
	if err != nil {
		return batch, 0, err
	}
	defer f.loader.Recycle(b)
	f.t.parts.At(phaseUpload)
	return method.Batch{X: upload(s, b.Images, b.N, f.t.ds.Shape()), Labels: f.t.labelled(s, b.Labels), Share: f.t.share(b.Rows)}, b.Rows.Of, nil
}

func (f *loading) close() { f.loader.Close() }
