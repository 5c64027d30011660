// Package bench measures a training: the step with its parts, or the data alone.
package bench

import (
	"context"
	"errors"
	"runtime"

	"forger/gan/method"
	"forger/gan/trainer"
	"forger/internal/release"
	"forger/internal/setting"
	"forger/torch"
)

// Options say what to measure.
type Options struct {
	Steps      int    // timed
	Warmup     int    // before them
	Synthetic  bool   // one batch that stays on the device
	LoaderOnly bool   // the data alone, without libtorch
	Trace      string // also write a trace of a few steps to this file
}

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	return setting.Set{
		{Name: "steps", Help: "steps that are timed", Value: &o.Steps, Default: 50, Check: setting.AtLeast(1)},
		{Name: "warmup", Help: "steps before them", Value: &o.Warmup, Default: 10, Check: setting.AtLeast(0)},
		{Name: "synthetic", Help: "the step alone, on one batch that stays on the device", Value: &o.Synthetic},
		{Name: "loader-only", Help: "the data alone, files to batches of bytes, without libtorch", Value: &o.LoaderOnly},
		{Name: "trace", Help: "also write a trace of three steps as they are run and three part by part, for chrome://tracing or Perfetto", Value: &o.Trace},
	}
}

// Result is what was measured. Times and rates are medians over the windows.
type Result struct {
	ImagesPerSecond float64            `json:"images_per_second"`
	Windows         []float64          `json:"windows"` // images a second of each
	MsPerStep       float64            `json:"ms_per_step"`
	Batch           int                `json:"batch"`
	Steps           int                `json:"steps"`
	Split           map[string]float64 `json:"split_ms,omitempty"`        // milliseconds of a step, measured apart
	SplitEager      bool               `json:"split_eager,omitempty"`     // of a step run operation by operation, while the timed ones are a graph
	Phases          []string           `json:"-"`                         // of Split, in the order of a step
	BaseMiB         float64            `json:"base_mib"`                  // in use before the first step
	PeakMiB         float64            `json:"peak_mib"`                  // on CUDA of tensors, a graph's while it was captured
	ReservedMiB     float64            `json:"reserved_mib,omitempty"`    // what CUDA's allocator holds after the timed steps
	GFlopPerImage   float64            `json:"gflop_per_image,omitempty"` // of a step
	GFlops          float64            `json:"gflops,omitempty"`          // a second
	PeakGFlops      float64            `json:"peak_gflops,omitempty"`     // of a matrix product on the same device
	ArithmeticShare float64            `json:"arithmetic_share,omitempty"`
	CopyGBs         float64            `json:"copy_gb_per_second,omitempty"`
	MemoryShare     float64            `json:"memory_share,omitempty"` // of that, by the bytes that must move at the least
	DataWait        float64            `json:"data_wait"`              // share of the time
	CgoCalls        float64            `json:"cgo_calls_per_step"`     // the loader's decoder included
	Data            string             `json:"data"`
	Device          string             `json:"device"`
	Precision       string             `json:"precision,omitempty"`
	Layout          string             `json:"layout,omitempty"`
	Conv            string             `json:"conv,omitempty"`
	Graph           string             `json:"graph,omitempty"` // on or off
	Notes           []string           `json:"notes,omitempty"`
	Threads         int                `json:"threads"`
	Workers         int                `json:"workers"`
	Libtorch        string             `json:"libtorch,omitempty"`
	Version         string             `json:"version"`
}

// Measure measures the training step of a job, or its data pipeline alone.
func Measure(ctx context.Context, o Options, job trainer.Job) (res Result, err error) {
	if err := o.Settings().Check(); err != nil {
		return res, err
	}
	if o.Synthetic && o.LoaderOnly {
		return res, setting.Usagef("--synthetic --loader-only: nothing is left to measure: use one of them")
	}
	if o.LoaderOnly {
		return measureLoader(ctx, o, job)
	}
	b := bench{o: o, job: job}
	b.res.Notes, err = trainer.Borrow(ctx, job, func(t *trainer.Trainer) error {
		b.Trainer = t
		return b.measure(ctx)
	})
	return b.res, err
}

// bench is a measurement in progress.
type bench struct {
	*trainer.Trainer
	o     Options
	job   trainer.Job
	fixed *fixed // the batches of --synthetic
	res   Result
}

// fixed are the batches of a step, n elements in all, that stay on the device.
type fixed struct {
	batches []method.Batch
	n       int
}

func (b *bench) measure(ctx context.Context) error {
	r := b.Resolved()
	b.res = Result{
		Batch: b.job.Batch, Steps: b.o.Steps, Data: b.job.Data.Spec, Device: r.Device, Precision: r.Precision, Layout: r.Layout,
		Conv: r.Conv, Graph: r.Graph, SplitEager: r.Graph == "on", Phases: b.Phases(),
		Threads: r.Threads, Workers: r.Workers, Libtorch: r.Libtorch, Version: release.Version(), Split: map[string]float64{},
	}
	if b.o.Synthetic {
		b.res.Data = "synthetic"
		f := &fixed{}
		var err error
		if f.batches, f.n, err = b.Next(ctx, b.Scope().Child()); err != nil {
			return err
		}
		b.fixed = f
	}
	torch.TrimMemory()   // what a calibration, or a sweep's round before, has left
	if r.Graph != "on" { // a graph's tensors count while it is captured, which it is by now
		if err := resetPeak(b.Scope().Device()); err != nil {
			return err
		}
	}
	var err error
	if b.res.BaseMiB, _, err = memoryMiB(b.Scope().Device()); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.headline, b.memory, b.split, b.shares, b.trace} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) once(ctx context.Context) error {
	if b.fixed == nil {
		return b.TrainStep(ctx)
	}
	s := b.Scope().Child()
	defer s.Close()
	batches := make([]method.Batch, len(b.fixed.batches))
	for i, f := range b.fixed.batches {
		batches[i] = f.In(s)
	}
	if err := b.RunStep(s, batches, b.fixed.n); err != nil {
		return err
	}
	return ctx.Err()
}

// headline times the steps as training runs them, in windows; the device is waited for at the end of each alone.
func (b *bench) headline(ctx context.Context) error {
	for range b.o.Warmup {
		if err := b.once(ctx); err != nil {
			return err
		}
	}
	b.Scope().Synchronize()
	b.Waited() // what the warm-up waited
	calls := runtime.NumCgoCall()
	total, err := b.res.inWindows(b.o.Steps, func() (int, error) {
		before := b.Images()
		err := b.once(ctx)
		return int(b.Images() - before), err
	}, b.Scope().Synchronize)
	if err != nil {
		return err
	}
	b.res.DataWait = b.Waited().Seconds() / total
	b.res.CgoCalls = float64(runtime.NumCgoCall()-calls) / float64(b.o.Steps)
	return b.Finite()
}

func (b *bench) memory(context.Context) error {
	d := b.Scope().Device()
	_, peak, err := memoryMiB(d)
	b.res.PeakMiB = max(peak, b.res.BaseMiB) // the kernel counts pages by thread, and adds up late
	if err == nil && d.CUDA {
		var m torch.Memory
		m, err = torch.CUDAMemory(d.Index)
		b.res.ReservedMiB = float64(m.Reserved) / (1 << 20)
	}
	return err
}

// split times the parts of a step, in steps of their own: the events between the parts would slow the headline.
func (b *bench) split(ctx context.Context) error {
	const rounds = 5
	type mark struct {
		of string
		at *torch.Event
	}
	var marks []mark
	b.Parts().Enter = func(p string) { marks = append(marks, mark{p, b.Scope().Event()}) }
	defer func() { b.Parts().Enter = nil }()
	times := map[string][]float64{}
	for range rounds {
		marks = marks[:0]
		if err := b.once(ctx); err != nil {
			return err
		}
		end := b.Scope().Event()
		sums := map[string]float64{}
		for i, m := range marks {
			next := end
			if i+1 < len(marks) {
				next = marks[i+1].at
			}
			sums[m.of] += m.at.Milliseconds(next)
		}
		for _, m := range marks {
			m.at.Free()
		}
		end.Free()
		for p, ms := range sums {
			times[p] = append(times[p], ms)
		}
	}
	for p, all := range times {
		b.res.Split[p] = median(all)
	}
	return nil
}

// shares sets the rate of the step beside what the device reaches.
func (b *bench) shares(context.Context) error {
	cost, err := stepCost(b.Parts().Nets, b.job.Batch)
	if err != nil {
		return err
	}
	flops, bytes := deviceRates(b.Scope())
	perSecond := b.res.ImagesPerSecond / float64(b.Batches()) // a step's arithmetic is counted for an element of one of its batches
	b.res.GFlopPerImage, b.res.GFlops, b.res.PeakGFlops = cost.flops/1e9, cost.flops*perSecond/1e9, flops/1e9
	b.res.ArithmeticShare = cost.flops * perSecond / flops
	b.res.CopyGBs, b.res.MemoryShare = bytes/1e9, cost.bytes*perSecond/bytes
	return nil
}

// trace writes a trace of a few steps: as they are run, which is as a graph where there is one, and part by part.
func (b *bench) trace(ctx context.Context) (err error) {
	if b.o.Trace == "" {
		return nil
	}
	const steps = 3
	b.Scope().StartTrace()
	for range steps {
		end := b.Scope().Span("forger: step")
		err = errors.Join(err, b.once(ctx))
		b.Scope().Synchronize()
		end()
	}
	end := func() {}
	b.Parts().Enter = func(p string) {
		end()
		end = b.Scope().Span("forger: " + p)
	}
	defer func() { b.Parts().Enter = nil }()
	for range steps {
		err = errors.Join(err, b.once(ctx))
	}
	b.Scope().Synchronize()
	end()
	b.Scope().StopTrace(b.o.Trace)
	return err
}
