package trainer

import (
	"context"
	"errors"
)

// follow trains beside rank 0, which writes, watches and decides.
func (t *Trainer) follow(ctx context.Context) error {
	t.begin()
	for !t.done() {
		err := t.TrainStep(ctx)
		var apart apartError
		if errors.As(err, &apart) {
			return err
		}
		if errors.Is(err, errStopped) {
			break
		}
		if err != nil {
			return errors.Join(err, t.settled())
		}
		if t.job.DryRun {
			return nil
		}
		if err := t.look(); err != nil {
			return err
		}
	}
	if err := t.settled(); err != nil {
		return err
	}
	return t.Finite()
}

// look fails where rank 0 does that reads the meters, and begins the next interval with it.
func (t *Trainer) look() error {
	if t.due(t.job.LogEvery) {
		_, err := t.logLine()
		return err
	}
	if t.due(t.job.CheckpointEvery) || t.due(t.job.Watch.EvalEvery) {
		return t.Finite()
	}
	return nil
}
