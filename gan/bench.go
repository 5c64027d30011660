package gan

import (
	"context"
	"errors"
	"runtime"

	"forger/torch"
)

// BenchOptions say what to measure. Of the config, networks, objective, optimizer, data and device count.
type BenchOptions struct {
	Config     Config
	Steps      int    // timed
	Warmup     int    // before them
	Synthetic  bool   // one batch that stays on the device
	LoaderOnly bool   // the data alone, without libtorch
	Trace      string // also write a trace of a few steps to this file
}

// BenchResult is what was measured. Times and rates are medians over the windows.
type BenchResult struct {
	ImagesPerSecond float64            `json:"images_per_second"`
	Windows         []float64          `json:"windows"` // images a second of each
	MsPerStep       float64            `json:"ms_per_step"`
	Batch           int                `json:"batch"`
	Steps           int                `json:"steps"`
	Split           map[string]float64 `json:"split_ms,omitempty"` // milliseconds of a step, measured apart
	BaseMiB         float64            `json:"base_mib"`           // in use before the first step
	PeakMiB         float64            `json:"peak_mib"`
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

// PhaseNames lists the keys of a result's split, in the order of a step.
func PhaseNames() []string { return phaseNames[:] }

// Bench measures the training step, or the data pipeline alone.
func Bench(ctx context.Context, o BenchOptions) (res BenchResult, err error) {
	defer torch.Catch(&err)
	if err := o.Config.Validate(); err != nil {
		return res, err
	}
	if err := atLeast(1, intFlag{"steps", o.Steps}); err != nil {
		return res, err
	}
	if err := atLeast(0, intFlag{"warmup", o.Warmup}); err != nil {
		return res, err
	}
	if o.Synthetic && o.LoaderOnly {
		return res, usagef("--synthetic --loader-only: nothing is left to measure: use one of them")
	}
	cfg := o.Config.filled()
	defer cfg.explainMemory(&err)
	defer torch.Catch(&err)
	ds, err := cfg.open()
	if err != nil {
		return res, err
	}
	defer ds.Close()
	if o.LoaderOnly {
		return benchLoader(ctx, o, cfg, ds)
	}
	dev, _, err := OpenDevice(cfg.Device)
	if err != nil {
		return res, err
	}
	from := origin{cfg: cfg}
	resolved, err := from.resolve(ds, dev)
	if err != nil {
		return res, err
	}
	t, err := from.trainer(ctx, resolved, ds, dev)
	if err != nil {
		return res, err
	}
	defer t.close()
	b := bench{trainer: t, o: o, dev: dev}
	if err := b.measure(ctx); err != nil {
		return res, err
	}
	b.res.Notes = from.notes
	return b.res, nil
}

// bench is a measurement in progress.
type bench struct {
	*trainer
	o     BenchOptions
	dev   torch.Device
	fixed []torch.Tensor // the batches of --synthetic
	res   BenchResult
}

func (b *bench) measure(ctx context.Context) error {
	r := b.resolved
	b.res = BenchResult{
		Batch: b.cfg.Batch, Steps: b.o.Steps, Data: b.cfg.Data, Device: r.Device, Precision: r.Precision, Layout: r.Layout,
		Conv: r.Conv, Graph: r.Graph,
		Threads: r.Threads, Workers: r.Workers, Libtorch: r.Libtorch, Version: Version, Split: map[string]float64{},
	}
	if b.o.Synthetic {
		b.res.Data = "synthetic"
		if err := b.fixBatches(ctx); err != nil {
			return err
		}
	}
	torch.TrimMemory() // what a calibration, or a sweep's round before, has left
	if err := resetPeak(b.dev); err != nil {
		return err
	}
	var err error
	if b.res.BaseMiB, _, err = memoryMiB(b.dev); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.headline, b.memory, b.split, b.shares, b.trace} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fixBatches uploads the batches of a step once, for every step.
func (b *bench) fixBatches(ctx context.Context) error {
	s := b.root.Child()
	for range b.cfg.DiscSteps {
		images, _, err := b.feed.next(ctx, s)
		if err != nil {
			return err
		}
		b.fixed = append(b.fixed, images)
	}
	return nil
}

func (b *bench) once(ctx context.Context) error {
	if b.fixed == nil {
		return b.trainStep(ctx)
	}
	s := b.root.Child()
	defer s.Close()
	reals := make([]torch.Tensor, len(b.fixed))
	for i, t := range b.fixed {
		reals[i] = s.Use(t)
	}
	b.runStep(s, reals)
	b.step++
	b.images += int64(b.cfg.Batch * b.cfg.DiscSteps)
	return ctx.Err()
}

// headline times the steps as training runs them, in windows; the device is waited for at the end of each alone.
func (b *bench) headline(ctx context.Context) error {
	for range b.o.Warmup {
		if err := b.once(ctx); err != nil {
			return err
		}
	}
	b.root.Synchronize()
	b.clock.wait = 0
	calls := runtime.NumCgoCall()
	total, err := b.res.inWindows(b.o.Steps, func() (int, error) {
		before := b.images
		err := b.once(ctx)
		return int(b.images - before), err
	}, b.root.Synchronize)
	if err != nil {
		return err
	}
	b.res.DataWait = b.clock.wait.Seconds() / total
	b.res.CgoCalls = float64(runtime.NumCgoCall()-calls) / float64(b.o.Steps)
	_, _, err = b.readMeters()
	return err
}

func (b *bench) memory(context.Context) error {
	_, peak, err := memoryMiB(b.dev)
	b.res.PeakMiB = max(peak, b.res.BaseMiB) // the kernel counts pages by thread, and adds up late
	if err == nil && b.dev.CUDA && b.graph != nil {
		// The memory of a graph is reserved for it, and counts as allocated only while it is captured.
		var m torch.Memory
		m, err = torch.CUDAMemory(b.dev.Index)
		b.res.PeakMiB = float64(m.Reserved) / (1 << 20)
	}
	return err
}

// split times the parts of a step, in steps of their own: the events between the parts would slow the headline.
func (b *bench) split(ctx context.Context) error {
	const rounds = 5
	type mark struct {
		of phase
		at torch.Event
	}
	var marks []mark
	b.st.enter = func(p phase) { marks = append(marks, mark{p, b.root.Event()}) }
	defer func() { b.st.enter = nil }()
	times := map[phase][]float64{}
	for range rounds {
		marks = marks[:0]
		if err := b.once(ctx); err != nil {
			return err
		}
		end := b.root.Event()
		sums := map[phase]float64{}
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
		b.res.Split[phaseNames[p]] = median(all)
	}
	return nil
}

// shares sets the rate of the step beside what the device reaches.
func (b *bench) shares(context.Context) error {
	cost, err := stepCost(b.st.gen, b.st.disc, b.cfg.network(b.ds.Shape()), b.cfg.DiscSteps, b.cfg.Batch)
	if err != nil {
		return err
	}
	flops, bytes := deviceRates(b.root)
	perSecond := b.res.ImagesPerSecond / float64(b.cfg.DiscSteps) // a step's arithmetic is counted for an image of the generator's batch
	b.res.GFlopPerImage, b.res.GFlops, b.res.PeakGFlops = cost.flops/1e9, cost.flops*perSecond/1e9, flops/1e9
	b.res.ArithmeticShare = cost.flops * perSecond / flops
	b.res.CopyGBs, b.res.MemoryShare = bytes/1e9, cost.bytes*perSecond/bytes
	return nil
}

// trace writes a trace of a few steps.
func (b *bench) trace(ctx context.Context) (err error) {
	if b.o.Trace == "" {
		return nil
	}
	const steps = 3
	end := func() {}
	b.st.enter = func(p phase) {
		end()
		end = b.root.Span("forger: " + phaseNames[p])
	}
	defer func() { b.st.enter = nil }()
	b.root.StartTrace()
	for range steps {
		err = errors.Join(err, b.once(ctx))
	}
	end()
	b.root.Synchronize()
	b.root.StopTrace(b.o.Trace)
	return err
}
