package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"forger/gan/checkpoint"
	"forger/gan/metric"
	"forger/gan/report"
	"forger/internal/atomicfile"
	"forger/internal/seed"
	"forger/torch/pt"
)

// health is what is known of how a training goes, as its checkpoints keep it.
type health struct {
	Sentinel  sentinel `json:"sentinel"`
	Record    record   `json:"record"`
	Rollbacks int      `json:"rollbacks"`
}

// maxRollbacks is how often a training is turned back.
const maxRollbacks = 3

// illError ends a run that has gone wrong, and was to be stopped then.
type illError struct{ Text string }

func (e *illError) Error() string { return e.Text }

// errPatience ends a run whose evaluations get no better.
var errPatience = errors.New("no better for as many evaluations as --patience says")

// text and take are the health as a checkpoint keeps it.
func (h health) text() (string, error) {
	text, err := json.Marshal(h)
	return string(text), err
}

func (h *health) take(text string) error {
	if text == "" {
		return nil // of a checkpoint from before
	}
	if err := json.Unmarshal([]byte(text), h); err != nil {
		return fmt.Errorf("its health is damaged: %w", err)
	}
	return nil
}

// lookAt judges a log: what is to be told of, or nil.
func (r *run) lookAt(line report.Line) *alert {
	if r.job.Watch.OnCollapse == "ignore" {
		return nil
	}
	return r.health.Sentinel.look(readingOf(line))
}

// heed tells of a change of state, nil for none, and does what was asked for then.
func (r *run) heed(ctx context.Context, a *alert) error {
	if a == nil {
		return nil
	}
	if err := r.alert(*a); err != nil {
		return err
	}
	if r.health.Sentinel.State == "" {
		return nil
	}
	switch r.job.Watch.OnCollapse {
	case "stop":
		return &illError{a.Text}
	case "rollback":
		return r.rollback(ctx, *a)
	}
	return nil
}

// alert tells of a state, and writes it down.
func (r *run) alert(a alert) error {
	r.ob.Warned(a.Text)
	if r.alerts == nil {
		if err := r.openAlerts(); err != nil {
			return err
		}
	}
	err := r.alerts.Append(struct {
		Step int64  `json:"step"`
		Kind string `json:"kind"`
		Text string `json:"text"`
		Over bool   `json:"over,omitempty"`
	}{r.step, a.State, a.Text, a.Over})
	return errors.Join(err, r.events.Warned(r.step, a.Text))
}

// readingOf is what a log says of the training's health. Scores that are no probabilities say nothing.
func readingOf(l report.Line) reading {
	r := reading{Step: l.Step, Diversity: 1, Real: .5, Fake: .5, Loss: l.Value("loss_g"), Gradient: l.Value("grad_g"), Gap: l.Value("value_gap")}
	for _, m := range l.Means {
		switch {
		case m.Name == "diversity":
			r.Diversity = m.Value
		case m.Name == "d_real" && m.Probability:
			r.Real = m.Value
		case m.Name == "d_fake" && m.Probability:
			r.Fake = m.Value
		}
	}
	return r
}

// rollback sets the run back to its last checkpoint from before it went wrong, and goes on from there with other noise at
// half the rates. What came after is set aside.
func (r *run) rollback(ctx context.Context, why alert) error {
	if r.health.Rollbacks == maxRollbacks {
		return &illError{fmt.Sprintf("%s (after %d rollbacks)", why.Text, maxRollbacks)}
	}
	if err := r.written(r.saver.wait()); err != nil {
		return err
	}
	path, err := r.dir.UpTo(r.health.Sentinel.lastGood())
	if err != nil {
		return err
	}
	if path == "" {
		return &illError{why.Text + ": there is no checkpoint from before: nothing to go back to"}
	}
	file, err := open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	back := r.health.Rollbacks + 1
	if err := r.goBack(ctx, file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r.health.Rollbacks = back
	r.health.Sentinel = sentinel{}
	r.applyRollbacks()
	for _, s := range r.parts.Streams {
		s.SetState(r.root.NewGenerator(seed.Of(r.job.Seed+uint64(back), s.Use)).State())
	}
	if err := r.alert(alert{State: "rollback", Text: fmt.Sprintf("step %d: goes on from here at %v of the rates, with other noise (rollback %d of %d)", r.step, rateShare(back), back, maxRollbacks)}); err != nil {
		return err
	}
	return r.saveCheckpoint()
}

// goBack sets training, lines and data to where a checkpoint was taken.
func (r *run) goBack(ctx context.Context, file *pt.File) error {
	root, err := pt.At[*pt.Dict](file.Root())
	if err != nil {
		return err
	}
	h, _, err := checkpoint.Restore(r.root, root, r.parts, r.job.Seed, r.fixed, []string{"lr"})
	if err != nil {
		return err
	}
	r.feed.close()
	r.feed = nil
	if err := r.goOn(h); err != nil {
		return err
	}
	if err := r.startFeed(ctx); err != nil {
		return err
	}
	if err := r.lines.Close(); err != nil {
		return err
	}
	if r.lines, err = report.OpenLines(r.dir.Metrics(), r.step); err != nil {
		return err
	}
	r.saver.lines = r.lines
	if err := r.events.GoOn(r.step); err != nil {
		return err
	}
	return r.dir.SetAsideAfter(r.step, ".collapsed")
}

// rateShare is the share of its rates that a run has after so many rollbacks.
func rateShare(rollbacks int) float64 { return 1 / float64(int(1)<<rollbacks) }

// applyRollbacks lowers the rates by what was rolled back.
func (t *Trainer) applyRollbacks() { t.parts.Slow(rateShare(t.health.Rollbacks)) }

// evaluate measures where it is due, and keeps the best.
func (r *run) evaluate(ctx context.Context) (figures []report.Mean, err error) {
	w := r.job.Watch
	if w.EvalEvery == 0 || r.step%int64(w.EvalEvery) != 0 {
		return nil, nil
	}
	if r.eval == nil {
		if r.eval, err = newEvaluator(ctx, r.Trainer, r.ob.Warned); err != nil {
			return nil, fmt.Errorf("--eval %s: %w", w.Eval, err)
		}
	}
	if r.eval.spent.Seconds() > w.EvalBudget*r.clock.elapsed() {
		return nil, nil // later
	}
	if figures, err = r.eval.measure(ctx, r.Trainer); err != nil {
		return nil, err
	}
	first := metric.Table[r.eval.names[0]]
	if r.health.Record.take(r.step, figures[0].Value, first.Higher) {
		return figures, r.saveBest()
	}
	if w.Patience > 0 && r.health.Record.Since >= w.Patience {
		return figures, errPatience
	}
	return figures, nil
}

// saveBest writes the run as it stands beside its checkpoints.
func (r *run) saveBest() error {
	root, err := r.tree(checkpoint.OnDemand)
	if err != nil {
		return err
	}
	if err := checkpoint.Finite(root, r.step); err != nil {
		return err
	}
	if err := pt.WriteFile(r.dir.Best(), root); err != nil {
		return fmt.Errorf("%s: %w", r.dir.Best(), atomicfile.Bare(err))
	}
	r.ob.Wrote(r.dir.Best())
	return nil
}

// best is the path of the best checkpoint; "" where there is none.
func (r *run) best() string {
	if r.health.Record.Best == nil {
		return ""
	}
	return r.dir.Best()
}

// goOnWarning opens the file of what was warned of, where there is one, and drops what is past this step.
func (r *run) goOnWarning() error {
	if _, err := os.Stat(r.dir.Alerts()); err != nil {
		return nil // none yet
	}
	return r.openAlerts()
}

func (r *run) openAlerts() (err error) {
	if r.alerts, err = report.OpenLines(r.dir.Alerts(), r.step); err != nil {
		return fmt.Errorf("%s: %w: it must be writable", r.dir.Alerts(), atomicfile.Bare(err))
	}
	return nil
}
