package gan

import (
	"fmt"
	"math"

	"forger/data"
	"forger/internal/setting"
	"forger/torch"
)

// completed sets d to complete images of o.Complete, of which the rows above stay, in the order of the data. Where labels were learnt
// and none is asked for, an image is of its own class if the data have the classes, or else of its row's.
func (d *drawer) completed(o SampleOptions) error {
	switch {
	case d.sampler.Complete == nil:
		return setting.Usagef("--complete %s: a %s draws whole images: it needs a pixelcnn", o.Complete, d.Options.Method)
	case o.KeepRows < 1 || o.KeepRows >= d.Shape.Height:
		return setting.Usagef("--keep-rows %d: the images have %d: use 1 to %d", o.KeepRows, d.Shape.Height, d.Shape.Height-1)
	}
	ds, err := data.Settings{Spec: o.Complete, Size: d.Shape.Size(), Channels: d.Shape.Channels, Cache: "none"}.Open(o.Seed, 0)
	if err != nil {
		return err
	}
	defer ds.Close()
	d.n = min(d.n, ds.Len())
	var given []byte
	var labels []int32
	err = data.Stream(d.ctx, ds, data.DumpOptions{N: d.n}, func(images []byte, of []int32) error {
		given, labels = append(given, images...), append(labels, of...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("--complete %s: %w", o.Complete, err)
	}
	of, done := d.Shape, 0
	if d.knows(ds) {
		d.own = labels
	}
	d.sampler.Sample = func(noise, labels torch.Tensor) torch.Tensor {
		n, each := noise.Shape()[0], of.Bytes()
		images := noise.Scope().Images(given[done*each:(done+n)*each], n, of.Height, of.Width, of.Channels)
		done += n
		return d.sampler.Complete(noise, labels, images, o.KeepRows)
	}
	return nil
}

// watched has tell told how much is drawn, of a sampler that takes its time, as a share.
func (d *drawer) watched(tell func(share float64)) {
	if tell == nil || d.sampler.Watch == nil {
		return
	}
	batches := math.Ceil(float64(d.n) / sampleBatch)
	d.sampler.Watch(func(share float64) { tell((float64(d.drawn/sampleBatch) + share) / batches) })
}
