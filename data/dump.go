package data

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// DumpOptions say which elements Dump writes.
type DumpOptions struct {
	N        int // 0: an epoch
	Shuffled bool
	Seed     uint64 // of the order
	Workers  int
}

// Dump writes the very bytes that training would see to path, a NumPy file of uint8 [N,H,W,C], of points float32 [N,D],
// and the labels, where there are any, to the name with .labels.npy, int64 [N]. npy:PATH reads both.
func Dump(ctx context.Context, ds Dataset, path string, o DumpOptions) error {
	if o.N <= 0 {
		o.N = ds.Len()
	}
	descr, shape := "|u1", []int{o.N, ds.Shape().Height, ds.Shape().Width, ds.Shape().Channels}
	if ds.Shape().IsPoints() {
		descr, shape = "<f4", []int{o.N, ds.Shape().Points}
	}
	var labels []byte
	err := WriteNPY(path, descr, shape, func(w io.Writer) error {
		return Stream(ctx, ds, o, func(images []byte, batch []int32) error {
			for _, l := range batch {
				labels = binary.LittleEndian.AppendUint64(labels, uint64(int64(l)))
			}
			_, err := w.Write(images)
			return err
		})
	})
	if err != nil {
		return err
	}
	if ds.Classes() == nil {
		return removeLabels(labelsBeside(path))
	}
	return WriteNPY(labelsBeside(path), "<i8", []int{o.N}, func(w io.Writer) error {
		_, err := w.Write(labels)
		return err
	})
}

// removeLabels removes what an earlier dump left, which would be taken for the labels of this one.
func removeLabels(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data: dump: labels of an earlier dump: %w: remove them", plainError(err))
	}
	return nil
}

// Preview is n images out of the whole set, uint8 [N,H,W,C] (of points float32 [N,D]), and their labels [N], each at most once: those that
// training with this seed of the order begins with. It is all of them where there are fewer.
func Preview(ctx context.Context, ds Dataset, n int, seed uint64) (images []byte, labels []int32, err error) {
	err = Stream(ctx, ds, DumpOptions{N: min(n, ds.Len()), Shuffled: true, Seed: seed}, func(batch []byte, of []int32) error {
		images, labels = append(images, batch...), append(labels, of...)
		return nil
	})
	return images, labels, err
}

// Stream yields o.N elements through the loader.
func Stream(ctx context.Context, ds Dataset, o DumpOptions, yield func(images []byte, labels []int32) error) error {
	l, err := NewLoader(ds, LoaderOptions{Batch: 64, Seed: o.Seed, Shuffle: o.Shuffled, Workers: o.Workers})
	if err != nil {
		return err
	}
	defer l.Close()
	size := ds.Shape().Bytes()
	for left := o.N; left > 0; {
		b, err := l.Next(ctx)
		if err != nil {
			return err
		}
		n := min(b.N, left)
		if err := yield(b.Images[:n*size], b.Labels[:n]); err != nil {
			return err
		}
		left -= n
		l.Recycle(b)
	}
	return nil
}
