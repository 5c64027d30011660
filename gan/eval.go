package gan

import (
	"context"
	"fmt"
	"path/filepath"
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
	Against    string      // the real data, or statistics of it (.npz); "": what the checkpoint was trained on
	Size       vision.Size // of data whose images have many; none: the checkpoint's, or the data's own

	Metrics  []string        // keys of metric.Table; none: those that suit the data
	Features string          // as feature.Open takes them; "": random of images, pixels of points
	Feature  feature.Options // none: their defaults
	SaveTo   string          // write the statistics of the real data's features to this .npz; then nothing need be judged
	N        int             // samples of each
	Seed     uint64
	Average  bool // draw from the averaged generator
	Device   string

	PerClass   bool   // figures of each class of a network that learnt labels, too
	Neighbours string // write a picture of samples beside the nearest real images to this .png; "": none

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
	case sources > 1, sources == 0 && o.SaveTo == "":
		return setting.Usagef("one of --checkpoint, --images and --self says what is judged: pass one of them")
	case o.Against == "" && o.Checkpoint == "":
		return setting.Usagef("--against is needed: name the real data, such as mnist:DIR")
	case o.N < 2:
		return setting.Usagef("--n %d: too small: use 2 or more", o.N)
	case o.SaveTo != "" && filepath.Ext(o.SaveTo) != ".npz":
		return setting.Usagef("--save-stats %s: statistics are written as NumPy's .npz: name one", o.SaveTo)
	case o.known() && (o.Self || o.SaveTo != ""):
		return setting.Usagef("--against %s: it holds statistics, and no data to take halves or statistics of: name the data", o.Against)
	}
	for _, name := range o.Metrics {
		m, ok := metric.Table[name]
		if !ok {
			return setting.Usagef("--metrics %q: unknown: have %s", name, strings.Join(setting.Keys(metric.Table), ", "))
		}
		if o.known() && !m.Sums {
			return setting.Usagef("--metrics %s: it takes samples, and %s holds their statistics: name the data, or measure fid", name, o.Against)
		}
	}
	for _, s := range []setting.Set{o.Measures.Settings(), o.Feature.Settings("")} {
		if err := s.Check(); err != nil {
			return err
		}
	}
	if o.Features != "" {
		if err := feature.Check(o.Features, o.Feature); err != nil {
			return err
		}
	}
	return trainer.CheckDevice(o.Device)
}

// known reports whether of the real data only statistics are there.
func (o EvalOptions) known() bool { return strings.HasSuffix(o.Against, ".npz") }

// Eval scores a checkpoint or a set of data against real data.
func Eval(ctx context.Context, o EvalOptions) (e Evaluation, err error) {
	defer torch.Catch(&err)
	if o.Feature == (feature.Options{}) {
		o.Feature.Settings("").Reset()
	}
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
	drawer    *drawer         // nil: images are judged
	real      data.Dataset    // nil where only statistics of it are known
	stats     *metric.Moments // those; nil else
	other     data.Dataset    // what is compared with it; nil of a checkpoint
	shape     data.Shape      // of both
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
	j.extractor.Close()
	if j.root != nil {
		j.root.Close()
	}
}

// judges reports whether there is anything to judge, beside statistics to save.
func (j *judge) judges() bool { return j.drawer != nil || j.other != nil || j.Self }

// answer is what is known of the real data's distribution; nil: nothing.
func (j *judge) answer() *data.Mixture {
	if j.real == nil {
		return nil
	}
	return data.MixtureOf(j.real.Spec())
}

// evaluate takes features of both samples and measures.
func (j *judge) evaluate() (e Evaluation, err error) {
	s := j.scope.Child()
	defer s.Close()
	of, err := j.samples(s)
	if err != nil {
		return e, err
	}
	if j.SaveTo != "" {
		if err := feature.WriteStatistics(j.SaveTo, of.real.Moments()); err != nil {
			return e, fmt.Errorf("--save-stats: %w: name a file that can be written", err)
		}
	}
	e = Evaluation{Protocol: j.protocol(of), Names: j.Metrics, Metrics: map[string]metric.Result{}}
	pair := metric.Pair{Real: of.real, Fake: of.fake, Images: j.extractor.Pixels && !j.shape.IsPoints(), Features: !j.extractor.Pixels}
	if m := j.answer(); m != nil && j.extractor.Pixels {
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
		if name == "prdc" && of.again != nil {
			below, err := metric.Table[name].Of(s, metric.Pair{Real: of.real, Fake: *of.again}, o)
			if err != nil {
				return e, fmt.Errorf("%s: %w", name, err)
			}
			r.More = append(r.More, floorOf(below)...)
		}
		e.Metrics[name] = r
	}
	if j.Neighbours != "" {
		if err := j.drawNeighbours(s); err != nil {
			return e, err
		}
	}
	if j.PerClass {
		e.Classes, err = j.classes(s)
	}
	return e, err
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
