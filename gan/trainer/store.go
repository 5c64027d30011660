package trainer

import (
	"context"
	"fmt"

	"forger/data"
	"forger/gan/method"
	"forger/internal/seed"
	"forger/torch"
)

// store feeds from the whole set on the device, its bytes as uint8 [N,H,W,C] or, of points, [N,4D]: of a batch, only
// indices and flips cross.
type store struct {
	t      *Trainer
	ds     data.Dataset // without flips
	flips  bool
	images torch.Tensor
	labels []int32
	plan   data.Plan
	batch  int64
}

// cachesOnDevice decides whether the set goes to the device: when asked, or by itself on CUDA where it takes at most a
// quarter of the memory.
func (t *Trainer) cachesOnDevice() (bool, error) {
	same := data.SameEachEpoch(t.ds)
	switch t.job.Data.Cache {
	case "device":
		if !same {
			return false, fmt.Errorf("--cache device: the images of %s differ from epoch to epoch: use --cache none", t.ds.Spec())
		}
		return true, nil
	case "auto":
		dev := t.root.Device()
		if !dev.CUDA || !same {
			return false, nil
		}
		info, err := torch.DescribeCUDA(dev.Index)
		if err != nil {
			return false, err
		}
		return int64(t.ds.Len())*int64(t.ds.Shape().Bytes()) <= info.TotalBytes/4, nil
	}
	return false, nil
}

// storeChunk is how many images are uploaded at once.
const storeChunk = 1024

// newStore reads every image once and uploads it.
func newStore(ctx context.Context, t *Trainer) (*store, error) {
	f := &store{t: t, plan: planOf(t.job, t.ds), batch: t.position()}
	f.ds, f.flips = data.Plain(t.ds)
	shape := f.ds.Shape()
	scope := t.root.Child() // lives as long as the model's
	element := []int{shape.Height, shape.Width, shape.Channels}
	if shape.IsPoints() {
		element = []int{shape.Bytes()}
	}
	f.images = scope.FullOf(torch.Uint8, 0, append([]int{f.ds.Len()}, element...)...)
	l, err := data.NewLoader(f.ds, data.LoaderOptions{Batch: storeChunk, Workers: t.resolved.Workers})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	for first := 0; first < f.ds.Len(); {
		b, err := l.Next(ctx)
		if err != nil {
			return nil, err
		}
		f.images.FillRows(first, b.N, b.Images)
		f.labels = append(f.labels, b.Labels...)
		first += b.N
		l.Recycle(b)
	}
	return f, nil
}

func (f *store) next(ctx context.Context, s *torch.Scope) (batch method.Batch, n int, err error) {
	if err := ctx.Err(); err != nil {
		return batch, 0, err
	}
	f.t.parts.At(phaseUpload)
	epoch, images := f.plan.Images(f.batch)
	labels := make([]int32, len(images))
	rows := f.plan.Rows(f.batch)
	f.batch++
	index := make([]int64, len(images))
	var flip []bool
	if f.flips {
		flip = make([]bool, len(images))
	}
	source, _ := seed.Data(f.t.job.Seed)
	for i, image := range images {
		index[i], labels[i] = int64(image), f.labels[image]
		if f.flips {
			flip[i] = data.Flipped(source, epoch, image)
		}
	}
	batch.Share = f.t.share(rows)
	batch.Labels = f.t.labelled(s, labels)
	if f.ds.Shape().IsPoints() {
		batch.X = s.GatherPoints(s.Use(f.images), index)
	} else {
		batch.X = s.Gather(s.Use(f.images), index, flip)
	}
	return batch, rows.Of, nil
}

func (f *store) close() {}
