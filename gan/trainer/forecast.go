package trainer

import (
	"context"
	"fmt"
	"time"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/report"
	"forger/internal/machine"
	"forger/torch"
)

// The batches of the steps that memory is forecast from. Smaller ones take other kernels, whose memory says nothing of a
// larger batch's.
const (
	smallTrial = 4
	largeTrial = 8
)

// worked is how much memory a step on images keeps for each byte of its tensors: what convolutions work in is not the
// tensor allocator's. Measured at 64x64, width 64, batch 64 to 128: 4.2 MiB an image, of which 1.8 are tensors.
const worked = 2.4

// forecast tells what a step will take, from trial steps on small batches that are undone: all that a step holds grows with
// its batch, or does not grow. On a CPU a batch that does not fit is refused, before the kernel ends the process for it; a CUDA
// device refuses by itself.
func (t *Trainer) forecast() (f report.Forecast, err error) {
	f = report.Forecast{CheckpointBytes: checkpoint.Bytes(t.parts), Checkpoints: t.job.Keep + 1, Steps: t.totalSteps() - t.step}
	if t.root.Device().CUDA {
		return f, nil
	}
	few, more := smallTrial*t.job.Method.Pack, largeTrial*t.job.Method.Pack
	small, err := t.trial(few)
	if err != nil {
		return f, err
	}
	large, err := t.trial(more)
	if err != nil {
		return f, err
	}
	each := float64(large-small) / float64(more-few)
	if !t.ds.Shape().IsPoints() {
		each *= worked
	}
	n := planOf(t.job, t.ds).Rows(0).Count
	f.StepBytes = small + int64(each*float64(n-few))
	if f.FreeBytes, err = machine.FreeMemory(); err != nil {
		f.FreeBytes = 0 // a machine that does not tell is tried
		return f, nil
	}
	f.FreeBytes /= int64(t.job.Meeting.Local())
	if f.StepBytes > f.FreeBytes {
		most := few + int(float64(f.FreeBytes-small)/each)
		return f, tooLarge(t.job.Batch, f, most*max(1, t.job.part().Ranks))
	}
	return f, nil
}

func tooLarge(batch int, f report.Forecast, most int) error {
	const mib = 1 << 20
	text := fmt.Sprintf("--batch %d: a step takes about %d MiB, and %d MiB are free", batch, f.StepBytes/mib, f.FreeBytes/mib)
	if most < 1 {
		return fmt.Errorf("%s: lower --gen-width, --disc-width or --size", text)
	}
	return fmt.Errorf("%s: use --batch %d or less", text, most)
}

// trial is the memory of a step on n elements, in bytes. The state of the run stays as it is.
func (t *Trainer) trial(n int) (bytes int64, err error) {
	part := t.job.part()
	rows := data.Rows{First: part.Rank * n, Count: n, Of: max(1, part.Ranks) * n}
	undo := t.mark()
	defer undo()
	defer torch.Catch(&err)
	bytes = t.root.PeakBytes(func() {
		s := t.root.Child()
		defer s.Close()
		t.m.Step(s, t.blanks(s, rows), t.m.Variant(t.step))
	})
	return bytes, nil
}

// dryRun takes a step and says what the run would take.
func (t *Trainer) dryRun(ctx context.Context) (res report.Result, err error) {
	f := t.expected
	start := time.Now()
	if err := t.TrainStep(ctx); err != nil {
		return res, err
	}
	if _, err := t.readMeters(); err != nil { // waits for the device
		return res, err
	}
	f.StepSeconds = time.Since(start).Seconds()
	if t.root.Device().CUDA {
		m, err := torch.CUDAMemory(t.root.Device().Index)
		if err != nil {
			return res, err
		}
		f.StepBytes = m.Peak
	}
	if f.DiskBytes, err = machine.DiskFree("."); err != nil {
		return res, err
	}
	res.Forecast = &f
	return res, nil
}
