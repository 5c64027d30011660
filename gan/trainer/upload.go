package trainer

import (
	"context"
	"slices"
	"time"

	"forger/data"
	"forger/gan/method"
	"forger/torch"
)

// ahead feeds from the workers as loading does, and has the next batch cross to the device while the step works on this
// one. A batch that crossed and was not used is none of the run: its position counts what was used.
type ahead struct {
	t      *Trainer
	loader *data.Loader
	up     *torch.Uploader
	queue  chan loaded // from a goroutine that waits for the loader, so that asking whether a batch is there is no waiting
	stop   context.CancelFunc
	ended  chan struct{}

	sent   []sent // batches on their way, oldest first
	failed error  // at the turn of the batch after those
}

// sent is what stays of a batch on its way.
type sent struct {
	rows   data.Rows
	labels []int32
}

// loaded is what the loader gave.
type loaded struct {
	batch *data.Batch
	err   error
}

func newAhead(t *Trainer, l *data.Loader) *ahead {
	ctx, stop := context.WithCancel(context.Background())
	f := &ahead{
		t: t, loader: l, up: t.root.NewUploader(t.job.Batch * t.ds.Shape().Bytes()),
		queue: make(chan loaded, 1), stop: stop, ended: make(chan struct{}),
	}
	go f.wait(ctx)
	return f
}

// wait hands on what the loader gives, up to its first error. It calls nothing of libtorch.
func (f *ahead) wait(ctx context.Context) {
	defer close(f.ended)
	for {
		b, err := f.loader.Next(ctx)
		select {
		case f.queue <- loaded{b, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (f *ahead) next(ctx context.Context, s *torch.Scope) (batch method.Batch, n int, err error) {
	if err := ctx.Err(); err != nil {
		return batch, 0, err
	}
	f.t.parts.At(phaseData)
	if len(f.sent) == 0 && f.failed == nil {
		asked := time.Now()
		select {
		case l := <-f.queue:
			f.t.clock.wait += time.Since(asked)
			f.send(l)
		case <-ctx.Done():
			return batch, 0, ctx.Err()
		}
	}
	if len(f.sent) == 0 {
		return batch, 0, f.failed
	}
	f.t.parts.At(phaseUpload)
	first := f.sent[0]
	batch = method.Batch{X: f.take(s, first.rows.Count), Labels: f.t.labelled(s, first.labels), Share: f.t.share(first.rows)}
	f.sent = f.sent[1:]
	select {
	case l := <-f.queue:
		f.send(l)
	default: // not decoded yet: the next step sends it itself
	}
	return batch, first.rows.Of, nil
}

// take is upload of the oldest batch that was sent.
func (f *ahead) take(s *torch.Scope, n int) torch.Tensor {
	of := f.t.ds.Shape()
	if of.IsPoints() {
		return f.up.Points(s, n, of.Points)
	}
	return f.up.Images(s, n, of.Height, of.Width, of.Channels)
}

// send starts the upload of a batch, or keeps an error for its turn.
func (f *ahead) send(l loaded) {
	if l.err != nil {
		f.failed = l.err
		return
	}
	f.up.Send(l.batch.Images)
	f.sent = append(f.sent, sent{l.batch.Rows, slices.Clone(l.batch.Labels)})
	f.loader.Recycle(l.batch)
}

func (f *ahead) close() {
	f.stop()
	<-f.ended
	f.loader.Close()
	f.up.Free()
}
