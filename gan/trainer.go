package gan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// trainer holds a run in progress. One goroutine, locked to its thread, does all of it but the loading.
type trainer struct {
	cfg      Config
	resolved Resolved
	ds       data.Dataset
	feed     feed
	root     *torch.Scope // the model's, sealed
	noise    *torch.Generator
	dropout  *torch.Generator
	fixed    torch.Tensor // the latents of the sample grids [sampleGrid,Z,1,1]
	st       stepper
	graph    *captured // nil: the step runs operation by operation

	step, images int64 // done
	clock        clock
}

// layouts are the orders of images and weights in memory, by their names.
var layouts = map[string]torch.Format{"channels_last": torch.ChannelsLast, "contiguous": torch.Contiguous}

// sampleGrid is how many images a sample grid shows.
const sampleGrid = 64

// clock measures the training since its start and since the last log.
type clock struct {
	start, last time.Time
	before      time.Duration // trained by the processes that this one goes on from
	wait        time.Duration // for data, since the last log
	images      int64         // at the last log of this process, or at its start
	step        int64         // at the last log
}

// begin starts the clock of this process.
func (t *trainer) begin() {
	t.clock.start = time.Now()
	t.clock.last, t.clock.images = t.clock.start, t.images
}

// elapsed is how many seconds were trained.
func (c clock) elapsed() float64 {
	if c.start.IsZero() {
		return c.before.Seconds()
	}
	return (c.before + time.Since(c.start)).Seconds()
}

func newTrainer(cfg Config, resolved Resolved, ds data.Dataset, dev torch.Device) (_ *trainer, err error) {
	kernels, _ := torch.ConvKernelsNamed(resolved.Conv)
	options := []torch.Option{
		torch.On(dev), torch.Layout(layouts[resolved.Layout]), torch.Threads(resolved.Threads),
		torch.Convolutions(kernels, cfg.Conv == "fast"),
	}
	if resolved.Precision == "bf16" {
		options = append(options, torch.BF16)
	}
	root, err := torch.NewScope(options...)
	if err != nil {
		return nil, err
	}
	t := &trainer{cfg: cfg, resolved: resolved, ds: ds, root: root}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	defer torch.Catch(&err)
	return t, t.build()
}

// build makes what lives as long as the run, and seals its scope.
func (t *trainer) build() error {
	s, cfg := t.root, t.cfg
	net := cfg.network(t.ds.Shape())
	t.noise, t.dropout = s.NewGenerator(stream(cfg.Seed, "noise")), s.NewGenerator(stream(cfg.Seed, "dropout"))
	b := Builder{Scope: s, Init: s.NewGenerator(stream(cfg.Seed, "init")), Dropout: t.dropout}
	gen, disc, err := Build(b, cfg.Model, net)
	if err != nil {
		return err
	}
	t.fixed = drawLatents(s, s.NewGenerator(stream(cfg.Seed, "samples")), cfg.Prior, sampleGrid, cfg.Latent)
	t.st = stepper{
		gen: gen, disc: disc, loss: Objectives[cfg.Loss],
		optG:   cfg.optimizer(s, nn.Parameters(gen), cfg.GenLR),
		optD:   cfg.optimizer(s, nn.Parameters(disc), cfg.DiscLR),
		meterD: s.FullOf(torch.Float64, 0, placesD+2), meterG: s.FullOf(torch.Float64, 0, placesG+2),
		draw: func(s *torch.Scope, n int) torch.Tensor { return drawLatents(s, t.noise, cfg.Prior, n, cfg.Latent) },
	}
	if cfg.EMA > 0 {
		b.Init = nil // it starts as a copy
		t.st.average = newAverage(models[cfg.Model].gen(b, net), gen, s.FullOf(torch.Float64, cfg.EMA))
		t.st.average.start(s)
	}
	s.Seal()
	return nil
}

// drawn is the generator that pictures are drawn with: the average where there is one.
func (t *trainer) drawn() nn.Module {
	if t.st.average != nil {
		return t.st.average.net
	}
	return t.st.gen
}

func (t *trainer) close() {
	if t.feed != nil {
		t.feed.close()
	}
	if t.graph != nil {
		t.graph.free()
	}
	t.root.Close()
}

// network is what the config asks for, at the shape the data comes in.
func (c Config) network(shape data.Shape) Network {
	return Network{Size: shape.Height, Channels: shape.Channels, Latent: c.Latent, GenWidth: c.GenWidth, DiscWidth: c.DiscWidth}
}

// optimizers is where an optimizer is added.
var optimizers = map[string]func(c Config, s *torch.Scope, p []torch.Tensor, lr float64) optim.Optimizer{
	"adam": func(c Config, s *torch.Scope, p []torch.Tensor, lr float64) optim.Optimizer {
		return optim.NewAdam(s, p, torch.AdamOptions{LR: s.FullOf(torch.Float64, lr), Beta1: c.Beta1, Beta2: c.Beta2, Eps: 1e-8})
	},
	"sgd": func(c Config, s *torch.Scope, p []torch.Tensor, lr float64) optim.Optimizer {
		return optim.NewSGD(s, p, torch.SGDOptions{LR: s.FullOf(torch.Float64, lr), Momentum: c.momentum(s)})
	},
	"rmsprop": func(c Config, s *torch.Scope, p []torch.Tensor, lr float64) optim.Optimizer {
		return optim.NewRMSprop(s, p, torch.RMSpropOptions{LR: s.FullOf(torch.Float64, lr), Alpha: .99, Eps: 1e-8, Momentum: c.momentum(s)})
	},
}

// momentum is the zero Tensor where there is none.
func (c Config) momentum(s *torch.Scope) torch.Tensor {
	if c.Momentum == 0 {
		return torch.Tensor{}
	}
	return s.FullOf(torch.Float64, c.Momentum)
}

// optimizer makes one with a rate of its own, or the common one where that is 0.
func (c Config) optimizer(s *torch.Scope, p []torch.Tensor, lr float64) optim.Optimizer {
	if lr == 0 {
		lr = c.LR
	}
	return optimizers[c.Optim](c, s, p, lr)
}

// priors is where a distribution of latents is added; each draws [N,Z,1,1] in s.
var priors = map[string]func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor{
	"normal": func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor { return s.Randn(g, n, z, 1, 1) },
	"uniform": func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor {
		return s.Rand(g, n, z, 1, 1).Affine(2, -1)
	},
}

func drawLatents(s *torch.Scope, g *torch.Generator, prior string, n, z int) torch.Tensor {
	return priors[prior](s, g, n, z)
}

// totalSteps is the step at which the first bound of the config is reached.
func (t *trainer) totalSteps() int64 {
	total := int64(math.MaxInt64)
	if n := t.cfg.Steps; n > 0 {
		total = int64(n)
	}
	k := int64(t.cfg.DiscSteps)
	if n := t.cfg.Epochs; n > 0 {
		total = min(total, (int64(n)*t.batches()+k-1)/k)
	}
	if n := t.cfg.Images; n > 0 {
		// Batches before the one that reaches the bound: whole epochs first, which may end in a smaller batch.
		length := int64(t.ds.Len())
		if t.cfg.DropLast {
			length = t.batches() * int64(t.cfg.Batch)
		}
		epochs, rest := (n-1)/length, (n-1)%length
		total = min(total, (epochs*t.batches()+rest/int64(t.cfg.Batch)+k)/k)
	}
	return total
}

// batches is how many an epoch has.
func (t *trainer) batches() int64 {
	return t.cfg.plan(t.ds).PerEpoch()
}

// done reports whether a bound of the config is reached.
func (t *trainer) done() bool { return t.step >= t.totalSteps() }

// position counts the batches used; batch number position() of the run is the next.
func (t *trainer) position() int64 { return t.step * int64(t.cfg.DiscSteps) }

// epoch is how many passes over the data are done, with the part of the present one.
func (t *trainer) epoch() float64 { return float64(t.position()) / float64(t.batches()) }

// trainStep draws the batches of one step and trains on them. A cancelled context stops it between steps alone.
func (t *trainer) trainStep(ctx context.Context) error {
	s := t.root.Child()
	defer s.Close()
	var reals []torch.Tensor
	images := int64(0)
	for range t.cfg.DiscSteps {
		real, n, err := t.feed.next(ctx, s)
		if err != nil {
			return err
		}
		reals = append(reals, real)
		images += int64(n)
	}
	t.runStep(s, reals)
	t.step++
	t.images += images
	return nil
}

// readMeters fetches the sums since the last log and fails if one was not finite. It resets nothing.
func (t *trainer) readMeters() (d, g []float64, err error) {
	d, g = t.st.meterD.Doubles(), t.st.meterG.Doubles()
	k := int64(t.cfg.DiscSteps)
	badD, badG := int64(d[placesD+1]), int64(g[placesG+1])
	badD = (badD + k - 1) / k // counted in updates, of which a step has k
	switch {
	case badD > 0 && (badG == 0 || badD <= badG):
		return nil, nil, &NotFiniteError{"loss_d", t.clock.step + badD}
	case badG > 0:
		return nil, nil, &NotFiniteError{"loss_g", t.clock.step + badG}
	}
	return d, g, nil
}

// NotFiniteError says that a loss, or a value of the state, was NaN or infinite.
type NotFiniteError struct {
	What string
	Step int64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s is not finite at step %d", e.What, e.Step)
}

// logLine is the means since the last log, and starts the next interval.
func (t *trainer) logLine(now time.Time) (LogLine, error) {
	d, g, err := t.readMeters()
	if err != nil {
		return LogLine{}, err
	}
	elapsed := now.Sub(t.clock.last).Seconds()
	line := LogLine{
		Step: t.step, Images: t.images, Epoch: t.epoch(),
		LossD: d[placeLoss] / d[placesD], DReal: d[placeReal] / d[placesD], DFake: d[placeFake] / d[placesD],
		LossG:           g[placeLoss] / g[placesG],
		ImagesPerSecond: float64(t.images-t.clock.images) / elapsed,
		DataWait:        math.Min(1, t.clock.wait.Seconds()/elapsed),
		Seconds:         t.clock.elapsed(),
	}
	t.st.meterD.Fill(0)
	t.st.meterG.Fill(0)
	t.clock.last, t.clock.wait, t.clock.images, t.clock.step = now, 0, t.images, t.step
	return line, nil
}

// stopped reports whether an error is the context's and not a failure.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
