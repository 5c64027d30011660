package data

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"forger/internal/machine"
	"forger/vision"
)

// PackOptions decide nothing but speed: the bytes of a packed file are a function of the dataset alone.
type PackOptions struct {
	Workers  int                   // 0: as many as the machine has cores
	Progress func(done, total int) // images in the file, after each block; one call at a time
	Warn     func(text string)     // what goes on all the same; may be nil
}

// PackResult is what Pack wrote.
type PackResult struct {
	Images      int
	Kept        int // of them, found in an unfinished file and not read again
	Shape       Shape
	Bytes       int64
	Decoder     string
	Fingerprint string // of the file
}

// Pack reads an epoch of a dataset and writes it to path as a packed file, whole or not at all. What is not finished
// lies in path with .partial, and the same call goes on with it, or one with Options.SkipCorrupt; but what that leaves
// unfinished is begun again.
func Pack(ctx context.Context, ds Dataset, path string, o PackOptions) (PackResult, error) {
	h, err := newPackedHead(ds, vision.Decoder)
	if err != nil {
		return PackResult{}, fmt.Errorf("data: pack: %s: %w", ds.Spec(), err)
	}
	out, err := openPartial(path, h)
	if err != nil {
		return PackResult{}, fmt.Errorf("data: pack: %w", err)
	}
	if o.Warn != nil && out.warning != "" {
		o.Warn(out.warning)
	}
	w := &packer{ds: ds, head: h, out: out, progress: o.Progress}
	err = w.run(ctx, o.Workers)
	if err == nil {
		err = out.finish(h)
	} else {
		err = w.keep(ctx, err)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return PackResult{}, fmt.Errorf("data: pack: %w", err)
	}
	return PackResult{h.count, w.kept, h.shape, h.size(), h.meta.Decoder, h.print}, nil
}

// packer fills the blocks of a file, each worker one at a time.
type packer struct {
	ds       Dataset
	head     *packedHead
	out      *partial
	progress func(done, total int)

	mu         sync.Mutex
	done, kept int // images
}

// keep says what became of the unfinished file. One that holds nothing to go on with is removed.
func (w *packer) keep(ctx context.Context, err error) error {
	images := 0
	for b, sum := range w.head.sums {
		if _, _, first, last := w.head.block(b); sum != 0 {
			images += last - first + 1
		}
	}
	if images == 0 || w.head.standIns {
		return errors.Join(err, os.Remove(w.out.name))
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = errors.New("interrupted") // not wrapped: callers take that for nothing written
	}
	with := ""
	if corrupt(err) != nil { // mending the file makes another set of it, which begins anew
		with = " with --skip-corrupt"
	}
	return fmt.Errorf("%w: %s keeps %d of %d images, and the same command%s goes on from there", err, w.out.name, images, w.head.count, with)
}

func (w *packer) run(ctx context.Context, workers int) error {
	if workers <= 0 {
		workers = machine.CPUs()
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(workers, w.head.blocks()) {
		group.Go(func() {
			buf := make([]byte, w.head.perBlock*w.head.shape.Bytes())
			for ctx.Err() == nil {
				b := int(next.Add(1) - 1)
				if b >= w.head.blocks() {
					return
				}
				if err := w.block(ctx, b, buf); err != nil {
					fail(err)
					return
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// block leaves a block in the file: as it is when an earlier run wrote it, else from the dataset.
func (w *packer) block(ctx context.Context, b int, buf []byte) error {
	from, to, first, last := w.head.block(b)
	buf = buf[:to-from]
	kept, err := w.keeps(b, buf)
	if err != nil {
		return err
	}
	if !kept {
		if err := w.fill(ctx, first, last, buf); err != nil {
			return err
		}
		sum := crc32.Checksum(buf, castagnoli)
		if _, err := w.out.WriteAt(buf, from); err != nil {
			return w.unwritten(err)
		}
		if _, err := w.out.WriteAt(binary.LittleEndian.AppendUint32(nil, sum), w.head.sumAt(b)); err != nil {
			return w.unwritten(err)
		}
		w.head.sums[b] = sum
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := last - first + 1
	w.done += n
	if kept {
		w.kept += n
	}
	if w.progress != nil {
		w.progress(w.done, w.head.count)
	}
	return nil
}

func (w *packer) unwritten(err error) error {
	return fmt.Errorf("%w: make room for %.1f MB", plainError(err), float64(w.head.size())/1e6)
}

// keeps says whether the file holds the block already, whole.
func (w *packer) keeps(b int, buf []byte) (bool, error) {
	if w.head.sums[b] == 0 {
		return false, nil
	}
	from, _, _, _ := w.head.block(b)
	if n, err := w.out.ReadAt(buf, from); n < len(buf) {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	return crc32.Checksum(buf, castagnoli) == w.head.sums[b], nil
}

func (w *packer) fill(ctx context.Context, first, last int, buf []byte) error {
	size := w.head.shape.Bytes()
	for i := first; i <= last; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := readElement(w.ds, 0, i, buf[(i-first)*size:(i-first+1)*size]); err != nil {
			return err
		}
		w.head.labels[i] = int32(w.ds.Label(i)) // after Read, which may have put another image in its place
	}
	return nil
}
