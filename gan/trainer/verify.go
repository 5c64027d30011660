package trainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"forger/gan/checkpoint"
	"forger/gan/report"
	"forger/torch/pt"
)

// verifyResume proves on the user's own configuration that a resume is a resume: it trains n steps, saves, and trains n
// more; then it goes on from what was saved for n steps, and compares every value of the two ends.
func (p *setup) verifyResume(ctx context.Context, ob report.Observer) error {
	n := int64(p.job.VerifyResume)
	dir, err := os.MkdirTemp("", "forger-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "checkpoint.pt")
	whole := *p
	whole.job.Steps, whole.job.Images, whole.job.Epochs = 2*p.job.VerifyResume, 0, 0
	p.tell(ob)
	want, err := whole.end(ctx, ob, 3*n, func(t *Trainer) error {
		if t.step != n {
			return nil
		}
		root, err := t.tree(checkpoint.OnDemand)
		if err != nil {
			return err
		}
		return pt.WriteFile(path, root)
	})
	if err != nil {
		return err
	}
	again := whole
	again.from = &Origin{path: path, resolved: &p.resolved}
	if again.from.file, err = pt.Open(path); err != nil {
		return err
	}
	defer again.from.Close()
	got, err := again.end(ctx, ob, 0, func(*Trainer) error { return nil })
	if err != nil {
		return err
	}
	return sameValues(want, got)
}

// end trains from where p starts to its bound, and takes the state there. It tells of the start where steps are given, those
// to come in all.
func (p *setup) end(ctx context.Context, ob report.Observer, steps int64, after func(*Trainer) error) (*pt.Dict, error) {
	t, err := p.trainer(ctx)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	if steps > 0 {
		started := p.started(t)
		started.TotalSteps = steps
		ob.Started(started)
	}
	for !t.done() {
		if err := t.TrainStep(ctx); err != nil {
			return nil, err
		}
		if err := after(t); err != nil {
			return nil, err
		}
		ob.Stepped(t.step, t.images)
	}
	return t.tree(new(checkpoint.Snapshot).Take)
}

// sameValues compares two checkpoints, all but the time that the training took.
func sameValues(want, got *pt.Dict) error {
	const shown = 3
	different := differences("", want, got)
	if len(different) == 0 {
		return nil
	}
	text := different[0]
	for _, d := range different[1:min(shown, len(different))] {
		text += ", " + d
	}
	return fmt.Errorf("verify-resume: %d values differ after the resume: %s: on CUDA use --deterministic", len(different), text)
}

// differences lists the keys at which two trees have other values.
func differences(at string, want, got any) []string {
	switch w := want.(type) {
	case *pt.Dict:
		g, ok := got.(*pt.Dict)
		if !ok || w.Len() != g.Len() {
			return []string{at}
		}
		var all []string
		for _, k := range w.Keys() {
			if k == "seconds" {
				continue
			}
			a, errA := child(w, k)
			b, errB := child(g, k)
			if errA != nil || errB != nil {
				all = append(all, fmt.Sprint(at, " ", k))
				continue
			}
			all = append(all, differences(fmt.Sprint(at, " ", k), a, b)...)
		}
		return all
	case *pt.Tensor:
		g, ok := got.(*pt.Tensor)
		if !ok {
			return []string{at}
		}
		a, errA := w.Bytes()
		b, errB := g.Bytes()
		if errors.Join(errA, errB) != nil || !bytes.Equal(a, b) {
			return []string{at}
		}
		return nil
	}
	if !reflect.DeepEqual(want, got) {
		return []string{at}
	}
	return nil
}

func child(d *pt.Dict, key any) (any, error) {
	if i, ok := key.(int64); ok {
		return pt.At[any](d, int(i))
	}
	return pt.At[any](d, key)
}
