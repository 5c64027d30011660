package data

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"forger/internal/machine"
)

// LoaderOptions say which batches a run sees. All but Workers and Ahead, which decide nothing but speed, are part of
// the run.
type LoaderOptions struct {
	Batch    int
	Seed     uint64
	Shuffle  bool
	Part     Part  // what this process reads of each batch
	DropLast bool  // leave out an epoch's last batch where it is not full
	Workers  int   // 0: as many as the machine has cores
	Start    int64 // batches used before
	Ahead    int   // finished batches that wait at most; 0: 4
}

// Batch is what Next yields.
type Batch struct {
	Images []byte  // uint8 [N,H,W,C]; of points float32 [N,D], little-endian
	Labels []int32 // [N]; -1 where there is none
	N      int
	Rows   Rows // N, and where they lie in the batch
	Epoch  int
	Index  int64 // which batch of the run this is

	buffer *pending
}

// Loader decodes batches ahead of their use. Batch k of a run is a function of (seed, k, batch size) alone; the last
// batch of an epoch holds what is left, as in the official example.
type Loader struct {
	ds   Dataset
	o    LoaderOptions
	plan Plan

	tasks chan task
	queue chan *pending // batches in their order
	free  chan *pending // a bounded number of buffers, which bounds the memory
	stop  chan struct{}
	once  sync.Once
	group sync.WaitGroup

	current *pending // out of the queue, not yet delivered
	failed  error    // delivered at its batch's turn, then for ever
}

// pending is a batch whose images are being read.
type pending struct {
	Batch
	order order         // of its epoch
	left  atomic.Int32  // stretches not read yet
	done  chan struct{} // gets one value when left comes to 0
	err   atomic.Pointer[failure]
}

// failure is what kept image at of a batch from being read.
type failure struct {
	at  int
	err error
}

// fail keeps the failure of the first image, so that which one is told does not depend on the workers.
func (b *pending) fail(f *failure) {
	for {
		now := b.err.Load()
		if now != nil && now.at <= f.at || b.err.CompareAndSwap(now, f) {
			return
		}
	}
}

// task is a stretch of a batch for one worker.
type task struct {
	b        *pending
	from, to int
	order    *order // nil: in the source's order
	first    int    // the place in the epoch of the first image that is read
}

// stretch is how many images a worker takes at a time: enough to make handing over cheap, few enough to share a batch.
const stretch = 8

// errClosed is what Next returns after Close.
var errClosed = errors.New("data: loader: closed")

// NewLoader starts the workers.
func NewLoader(ds Dataset, o LoaderOptions) (*Loader, error) {
	plan := Plan{Len: ds.Len(), Batch: o.Batch, Seed: o.Seed, Shuffle: o.Shuffle, Part: o.Part, DropLast: o.DropLast}
	if err := plan.Check(); err != nil {
		return nil, fmt.Errorf("data: loader: %s: %w", ds.Spec(), err)
	}
	if o.Start < 0 {
		return nil, fmt.Errorf("data: loader: start %d: negative: use 0 or more", o.Start)
	}
	if o.Workers <= 0 {
		o.Workers = machine.CPUs()
	}
	if o.Ahead <= 0 {
		o.Ahead = 4
	}
	buffers := o.Ahead + 1
	l := &Loader{
		ds: ds, o: o, plan: plan,
		tasks: make(chan task), queue: make(chan *pending, buffers), free: make(chan *pending, buffers),
		stop: make(chan struct{}),
	}
	for range buffers {
		b := &pending{done: make(chan struct{}, 1)}
		b.buffer = b
		l.free <- b
	}
	l.group.Add(1 + o.Workers)
	go l.handOut()
	for range o.Workers {
		go l.work()
	}
	return l, nil
}

// handOut hands out batches in order, each as soon as a buffer is free.
func (l *Loader) handOut() {
	defer l.group.Done()
	var ord order
	ordered := -1
	for k := l.o.Start; ; k++ {
		var b *pending
		select {
		case b = <-l.free:
		case <-l.stop:
			return
		}
		epoch, first, rows := l.plan.place(k)
		l.prepare(b, k, epoch, rows)
		t := task{b: b, first: first}
		if l.o.Shuffle {
			if ordered != epoch {
				ord, ordered = newOrder(l.o.Seed, epoch, l.ds.Len()), epoch
			}
			b.order = ord
			t.order = &b.order
		}
		l.queue <- b // never blocks: it has room for every buffer
		for from := 0; from < b.N; from += stretch {
			t.from, t.to = from, min(from+stretch, b.N)
			select {
			case l.tasks <- t:
			case <-l.stop:
				return
			}
		}
	}
}

func (l *Loader) prepare(b *pending, k int64, epoch int, rows Rows) {
	n := rows.Count
	size := n * l.ds.Shape().Bytes()
	if cap(b.Images) < size {
		b.Images, b.Labels = make([]byte, size), make([]int32, n)
	}
	b.Images, b.Labels = b.Images[:size], b.Labels[:n]
	b.N, b.Rows, b.Epoch, b.Index = n, rows, epoch, k
	b.left.Store(int32((n + stretch - 1) / stretch))
}

func (l *Loader) work() {
	defer l.group.Done()
	for {
		select {
		case t := <-l.tasks:
			l.read(t)
		case <-l.stop:
			return
		}
	}
}

func (l *Loader) read(t task) {
	if f := l.readImages(t); f != nil {
		t.b.fail(f)
	}
	if t.b.left.Add(-1) == 0 {
		t.b.done <- struct{}{}
	}
}

func (l *Loader) readImages(t task) *failure {
	size := l.ds.Shape().Bytes()
	for i := t.from; i < t.to; i++ {
		image := t.first + i
		if t.order != nil {
			image = t.order.at(image)
		}
		if err := readElement(l.ds, t.b.Epoch, image, t.b.Images[i*size:(i+1)*size]); err != nil {
			return &failure{i, err}
		}
		t.b.Labels[i] = int32(l.ds.Label(image)) // after Read, which may have put another image in its place
	}
	return nil
}

// Next waits for the next batch; Recycle gives its memory back. An image that could not be read is an error at its
// batch's turn, and from then on. A context that ends meanwhile costs nothing: the batch waits for the next call.
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	if l.failed != nil {
		return nil, l.failed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-l.stop: // also when batches are left: a choice among ready channels is random
		return nil, errClosed
	default:
	}
	if l.current == nil {
		select {
		case l.current = <-l.queue:
		case <-l.stop:
			return nil, errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case <-l.current.done:
	case <-l.stop:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b := l.current
	l.current = nil
	if f := b.err.Load(); f != nil {
		l.failed = f.err
		return nil, l.failed
	}
	return &b.Batch, nil
}

// Workers is how many there are.
func (l *Loader) Workers() int { return l.o.Workers }

// Recycle lets the loader overwrite a batch that Next returned.
func (l *Loader) Recycle(b *Batch) { l.free <- b.buffer }

// Close stops the workers and waits for them. It may be called from another goroutine while Next waits.
func (l *Loader) Close() {
	l.once.Do(func() { close(l.stop) })
	l.group.Wait()
}
