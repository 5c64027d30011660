package gan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"forger/data"
	"forger/torch"
	"forger/torch/pt"
)

// verifyResume proves on the user's own configuration that a resume is a resume: it trains n steps, saves, and trains n
// more; then it goes on from what was saved for n steps, and compares every value of the two ends.
func verifyResume(ctx context.Context, cfg Config, r Resolved, ds data.Dataset, dev torch.Device, ob Observer) error {
	n := int64(cfg.VerifyResume)
	dir, err := os.MkdirTemp("", "forger-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "checkpoint.pt")
	cfg.Steps, cfg.Images, cfg.Epochs = 2*cfg.VerifyResume, 0, 0
	ob.Started(Started{Device: dev.String(), Why: "as resolved", Images: ds.Len(), Resolved: r, TotalSteps: 3 * n})

	through := origin{cfg: cfg}
	want, err := through.end(ctx, r, ds, dev, ob, func(t *trainer) error {
		if t.step != n {
			return nil
		}
		root, err := t.checkpoint(onDemand)
		if err != nil {
			return err
		}
		return pt.WriteFile(path, root)
	})
	if err != nil {
		return err
	}
	again := origin{cfg: cfg, path: path, resolved: &r}
	if again.file, err = pt.Open(path); err != nil {
		return err
	}
	defer again.close()
	got, err := again.end(ctx, r, ds, dev, ob, func(*trainer) error { return nil })
	if err != nil {
		return err
	}
	return sameValues(want, got)
}

// end trains from where o is to the bound of its config, and takes the state there.
func (o *origin) end(ctx context.Context, r Resolved, ds data.Dataset, dev torch.Device, ob Observer, after func(*trainer) error) (*pt.Dict, error) {
	t, err := o.trainer(ctx, r, ds, dev)
	if err != nil {
		return nil, err
	}
	defer t.close()
	for !t.done() {
		if err := t.trainStep(ctx); err != nil {
			return nil, err
		}
		if err := after(t); err != nil {
			return nil, err
		}
		ob.Stepped(t.step, t.images)
	}
	return t.checkpoint(new(snapshot).take)
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
