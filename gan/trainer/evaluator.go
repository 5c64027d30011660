package trainer

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"forger/data"
	"forger/gan/feature"
	"forger/gan/metric"
	"forger/gan/report"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
)

// Watching says what looks at a training from beside it. It moves no stream of the training's and changes no number of it,
// unless it ends or turns it back.
type Watching struct {
	EvalEvery  int     // steps; 0: never
	Eval       string  // keys of metric.Table with commas between, the one that decides first
	EvalN      int     // samples of each
	EvalBudget float64 // share of the time
	Features   string
	Feature    feature.Options
	Patience   int // evaluations without a better one that end the run; 0: any number
	OnCollapse string
}

// onCollapse is what may be done about a training that has gone wrong.
var onCollapse = []string{"warn", "stop", "rollback", "ignore"}

// Settings are the options as a user sets them.
func (w *Watching) Settings() setting.Set {
	return append(setting.Set{
		{Name: "eval-every", Help: "steps between evaluations; 0: none", Value: &w.EvalEvery, Check: setting.AtLeast(0), Marks: setting.Resume},
		{Name: "eval", Help: "what to measure, with commas between; the first decides which checkpoint is the best", Value: &w.Eval, Default: "fid",
			Check: knownMetrics, Marks: setting.Resume},
		{Name: "eval-n", Help: "samples of each that an evaluation compares", Value: &w.EvalN, Default: 2048, Check: setting.AtLeast(2), Marks: setting.Resume},
		{Name: "eval-budget", Help: "share of the time that evaluations may take: beyond it they are put off", Value: &w.EvalBudget, Default: .05,
			Check: setting.Above0, Marks: setting.Resume},
		{Name: "eval-features", Help: "what images are compared by (default random)", Value: &w.Features, Marks: setting.Auto | setting.Resume},
		{Name: "patience", Help: "end the run after so many evaluations without a better one; 0: never", Value: &w.Patience, Check: setting.AtLeast(0), Marks: setting.Resume},
		{Name: "on-collapse", Help: "a training that collapses, saturates or swings wider and wider: warn, stop, rollback (to the last healthy checkpoint, at half the rate), ignore",
			Value: &w.OnCollapse, Default: "warn", Check: setting.OneOf(onCollapse...), Marks: setting.Resume},
	}, w.Feature.Settings("eval-")...)
}

// check tells what the settings show to be wrong together.
func (w Watching) check() error {
	if w.Patience > 0 && w.EvalEvery == 0 {
		return setting.Usagef("--patience %d: nothing is evaluated: add --eval-every", w.Patience)
	}
	if w.Features == "" {
		return nil
	}
	return feature.Check(w.Features, w.Feature)
}

func knownMetrics(r setting.Row) error {
	for _, name := range strings.Split(r.Get().(string), ",") {
		if name == "nll" {
			return setting.Usagef("--%s nll: a training does not ask it of itself: its loss is the like, and forger eval asks a checkpoint", r.Name)
		}
		if _, ok := metric.Table[name]; !ok {
			return setting.Usagef("--%s %q: unknown: have %s", r.Name, name, strings.Join(setting.Keys(metric.Table), ", "))
		}
	}
	return nil
}

// evaluator measures what the network draws against real data that it keeps the features of.
type evaluator struct {
	scope     *torch.Scope // of all that it keeps, below the run's
	extractor *feature.Extractor
	keep      feature.Keep
	real      metric.Set
	names     []string
	n         int
	classes   []int // how many real elements are of each
	options   metric.Options
	answer    *metric.Modes
	seed      uint64
	spent     time.Duration // in this process
}

// newEvaluator takes the features of the real data.
func newEvaluator(ctx context.Context, t *Trainer, tell func(string)) (e *evaluator, err error) {
	w, of := t.job.Watch, t.ds.Shape()
	e = &evaluator{names: strings.Split(w.Eval, ","), seed: seed.Of(t.job.Seed, "eval"), scope: t.root.Child(torch.NoGrad, torch.Eval)}
	defer torch.Catch(&err)
	e.options.Settings().Reset()
	e.options.Seed = e.seed >> 1
	spec := w.Features
	if spec == "" {
		spec = "random"
		if of.IsPoints() {
			spec = "pixels"
		}
	}
	if m := data.MixtureOf(t.ds.Spec()); m != nil {
		e.answer = &metric.Modes{Centres: m.Means, SD: m.SD}
	}
	if e.extractor, err = feature.Open(spec, feature.From{Context: ctx, Scope: e.scope, Shape: of, Options: w.Feature, Tell: tell}); err != nil {
		return e, err
	}
	e.n, e.classes = min(w.EvalN, t.ds.Len()), data.ClassCounts(t.ds)
	if e.keep = feature.KeepFor(e.names); e.keep == feature.KeepMoments {
		e.real, err = feature.Statistics(ctx, e.scope, e.extractor, t.ds, e.seed, e.n)
		return e, err
	}
	all, err := feature.OfData(ctx, e.scope, e.extractor, t.ds, e.keep, e.seed, e.n)
	if err != nil {
		return e, err
	}
	e.real = all[0]
	return e, nil
}

// evalPrefix begins the names of what was evaluated.
const evalPrefix = "eval_"

// measure evaluates the network as it stands: a mean for each measure, NaN where there is no figure.
func (e *evaluator) measure(ctx context.Context, t *Trainer) (figures []report.Mean, err error) {
	started := time.Now()
	defer func() { e.spent += time.Since(started) }()
	s := e.scope.Child()
	defer s.Close()
	sampler := t.sampler
	if sampler.Classes > 0 {
		sampler.ByShares(e.classes, e.n)
	}
	fake, err := feature.OfSampler(ctx, s, e.extractor, sampler, e.keep, e.seed, e.n)
	if err != nil {
		return nil, err
	}
	pair := metric.Pair{Real: e.real, Fake: fake, Images: e.extractor.Pixels && !t.ds.Shape().IsPoints(), Features: !e.extractor.Pixels, Answer: e.answer}
	for _, name := range e.names {
		r, err := metric.Table[name].Of(s, pair, e.options)
		if err != nil {
			return nil, fmt.Errorf("evaluation: %s: %w", name, err)
		}
		figures = append(figures, report.Mean{Name: evalPrefix + name, Label: name, Value: r.Value})
	}
	return figures, nil
}

// record is how the evaluations of a run went, as its checkpoints keep it.
type record struct {
	Best     *float64 `json:"best"` // the first measure's; nil: none yet
	BestStep int64    `json:"best_step"`
	Since    int      `json:"since"` // evaluations without a better one
}

// take enters a figure, and reports whether it is the best.
func (r *record) take(step int64, v float64, higher bool) bool {
	better := !math.IsNaN(v) && (r.Best == nil || higher && v > *r.Best || !higher && v < *r.Best)
	if !better {
		r.Since++
		return false
	}
	r.Best, r.BestStep, r.Since = &v, step, 0
	return true
}
