package gan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"forger/data"
	"forger/gan/feature"
	"forger/gan/metric"
	"forger/gan/trainer"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// EvalOptions say what to compare, and how.
type EvalOptions struct {
	Checkpoint string      // what it draws, or
	Images     string      // the data of this spec, or
	Self       bool        // another half of the real data, which shows what figures a perfect model would have
	Against    string      // the real data; "": what the checkpoint was trained on
	Size       vision.Size // of data whose images have many; none: the checkpoint's, or the data's own

	Metrics  []string // keys of metric.Table; none: those that suit the data
	Features string   // as feature.Open takes them; "": random of images, pixels of points
	N        int      // samples of each
	Seed     uint64
	Average  bool // draw from the averaged generator
	Device   string
	Measures metric.Options

	Likelihood LikelihoodOptions
	Tell       func(string) // what takes a while
}

// Defaults of an evaluation.
var (
	imageMetrics = []string{"fid", "kid", "prdc", "swd"}
	pointMetrics = []string{"js", "ks", "energy", "mmd", "c2st-knn", "swd"}
)

func (o EvalOptions) check() error {
	sources := 0
	for _, given := range []bool{o.Checkpoint != "", o.Images != "", o.Self} {
		if given {
			sources++
		}
	}
	switch {
	case sources != 1:
		return setting.Usagef("eval: one of --checkpoint, --images and --self says what is judged: pass one of them")
	case o.Against == "" && o.Checkpoint == "":
		return setting.Usagef("--against is needed: name the real data, such as mnist:DIR")
	case o.N < 2:
		return setting.Usagef("--n %d: too small: use 2 or more", o.N)
	}
	for _, name := range o.Metrics {
		if _, ok := metric.Table[name]; !ok {
			return setting.Usagef("--metrics %q: unknown: have %s", name, strings.Join(setting.Keys(metric.Table), ", "))
		}
	}
	if o.Features != "" {
		if _, _, err := feature.Parse(o.Features); err != nil {
			return err
		}
	}
	if err := o.Measures.Settings().Check(); err != nil {
		return err
	}
	return trainer.CheckDevice(o.Device)
}

// Eval scores a checkpoint or a set of data against real data.
func Eval(ctx context.Context, o EvalOptions) (e Evaluation, err error) {
	defer torch.Catch(&err)
	if slices.Contains(o.Metrics, nll) {
		return evalLikelihood(ctx, o)
	}
	if err := o.check(); err != nil {
		return e, err
	}
	j := &judge{EvalOptions: o, ctx: ctx}
	defer j.close()
	if err := j.open(); err != nil {
		return e, err
	}
	return j.evaluate()
}

// judge is an evaluation at work.
type judge struct {
	EvalOptions
	ctx       context.Context
	drawer    *drawer      // nil: images are judged
	real      data.Dataset // and what is compared with it,
	other     data.Dataset // nil of a checkpoint
	root      *torch.Scope
	scope     *torch.Scope // below it, of all features
	extractor *feature.Extractor
}

func (j *judge) close() {
	for _, ds := range []data.Dataset{j.real, j.other} {
		if ds != nil {
			ds.Close()
		}
	}
	if j.root != nil {
		j.root.Close()
	}
}

// open opens what is compared.
func (j *judge) open() (err error) {
	shape := data.Settings{Spec: j.Against, Size: j.Size, Cache: "none"}
	if j.Checkpoint != "" {
		if j.drawer, err = openDrawer(j.ctx, j.Checkpoint, j.Average, j.Device); err != nil {
			return err
		}
		j.root = j.drawer.Root
		if shape, err = j.trainedOn(); err != nil {
			return err
		}
	}
	if j.real, err = shape.Open(j.Seed, 0); err != nil {
		return err
	}
	if j.Images != "" {
		like := j.real.Shape()
		other := data.Settings{Spec: j.Images, Cache: "none"}
		if !like.IsPoints() {
			other.Size, other.Channels = like.Size(), like.Channels
		}
		if j.other, err = other.Open(j.Seed, 0); err != nil {
			return err
		}
		if j.other.Shape() != like {
			return fmt.Errorf("--images %s: %s, and --against %s: %s: they must be alike", j.Images, j.other.Shape(), j.Against, like)
		}
	}
	if j.root == nil {
		dev, _, err := torch.OpenDevice(j.Device)
		if err != nil {
			return err
		}
		torch.SetMath(torch.Math{})
		if j.root, err = torch.NewScope(torch.On(dev), torch.Layout(torch.ChannelsLast), torch.NoGrad, torch.Eval); err != nil {
			return err
		}
	}
	return j.openFeatures()
}

// trainedOn is the real data in the form that the checkpoint's network makes.
func (j *judge) trainedOn() (data.Settings, error) {
	of := j.drawer.Shape
	s := j.drawer.data
	if j.Against != "" {
		s = data.Settings{Spec: j.Against}
	}
	s.Cache, s.Flip = "none", false
	if !of.IsPoints() {
		if !j.Size.IsZero() && j.Size != of.Size() {
			return s, setting.Usagef("--size %s: the checkpoint's images are of %s: leave it away", j.Size, of.Size())
		}
		s.Size, s.Channels = of.Size(), of.Channels
	}
	return s, nil
}

func (j *judge) openFeatures() (err error) {
	if j.Features == "" {
		j.Features = "random"
		if j.real.Shape().IsPoints() {
			j.Features = "pixels"
		}
	}
	if len(j.Metrics) == 0 {
		j.Metrics = imageMetrics
		if j.real.Shape().IsPoints() {
			j.Metrics = pointMetrics
			if data.MixtureOf(j.real.Spec()) != nil {
				j.Metrics = append(slices.Clone(j.Metrics), "modes")
			}
		}
	}
	j.scope = j.root.Child()
	j.extractor, err = feature.Open(j.Features, feature.From{Context: j.ctx, Scope: j.scope, Shape: j.real.Shape(), Tell: j.Tell})
	return err
}

// evaluate takes features of both samples and measures.
func (j *judge) evaluate() (e Evaluation, err error) {
	s := j.scope.Child()
	defer s.Close()
	n := min(j.N, j.real.Len())
	want := n // of the real data
	if j.Self {
		n = min(j.N, j.real.Len()/2)
		want = 2 * n
	}
	// The floor of precision and recall takes as many real samples again.
	floor := slices.Contains(j.Metrics, "prdc") && !j.Self && j.real.Len() >= 2*n
	if floor {
		want = 2 * n
	}
	all, err := feature.OfData(j.ctx, s, j.extractor, j.real, want, j.Seed)
	if err != nil {
		return e, err
	}
	real, again := all.Slice(0, n), all.Slice(n, want)
	fake := again
	if !j.Self {
		if fake, err = j.generated(s); err != nil {
			return e, err
		}
	}
	e = Evaluation{Protocol: j.protocol(real, fake), Names: j.Metrics, Metrics: map[string]metric.Result{}}
	pair := metric.Pair{Real: real, Fake: fake, Images: j.extractor.Pixels && !j.real.Shape().IsPoints()}
	if m := data.MixtureOf(j.real.Spec()); m != nil && j.extractor.Pixels {
		pair.Answer = &metric.Modes{Centres: m.Means, SD: m.SD}
	}
	o := j.Measures
	o.Seed = seed.Of(j.Seed, "eval") >> 1
	for _, name := range j.Metrics {
		if err := j.ctx.Err(); err != nil {
			return e, err
		}
		r, err := metric.Table[name].Of(s, pair, o)
		if err != nil {
			return e, fmt.Errorf("%s: %w", name, err)
		}
		if name == "prdc" && floor {
			below, err := metric.Table[name].Of(s, metric.Pair{Real: real, Fake: again}, o)
			if err != nil {
				return e, fmt.Errorf("%s: %w", name, err)
			}
			r.More = append(r.More, floorOf(below)...)
		}
		e.Metrics[name] = r
	}
	return e, nil
}

// floorOf is what real samples have against real samples.
func floorOf(r metric.Result) (all []metric.Field) {
	for _, name := range []string{"precision", "recall", "density", "coverage"} {
		if v, ok := r.Figure(name); ok {
			all = append(all, metric.Field{Name: "floor_" + name, Value: v})
		}
	}
	return all
}

// generated are the features of what is judged.
func (j *judge) generated(s *torch.Scope) (metric.Set, error) {
	if j.other != nil {
		return feature.OfData(j.ctx, s, j.extractor, j.other, min(j.N, j.other.Len()), j.Seed)
	}
	return feature.OfSampler(j.ctx, s, j.extractor, j.drawer.sampler, seed.Of(j.Seed, "samples"), j.N)
}
