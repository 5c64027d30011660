package trainer

import (
	"context"
	"errors"

	"forger/data"
	"forger/gan/together"
	"forger/torch"
	"forger/torch/nn"
)

// share is what this rank has of a batch; the zero Share: it trains alone.
func (t *Trainer) share(r data.Rows) torch.Share {
	if t.comm() == nil {
		return torch.Share{}
	}
	return torch.Share{First: r.First, Count: r.Count, Of: r.Of, Among: t.comm()}
}

// comm is nil of a run of one rank.
func (t *Trainer) comm() *torch.Comm { return t.job.Meeting.Comm() }

// What a rank says before a step.
const (
	voteGoOn = iota
	voteStop
	voteFailed
)

var errStopped = errors.New("the ranks stop here")

// apartError ends a rank that stands elsewhere than the others, or whose weights are others: nothing is saved of it.
type apartError struct{ error }

// stepsBetweenVotes is how many steps a rank on CUDA takes at most before it asks the others whether to go on, for which it must
// wait for the device. On the CPU it asks at each.
const stepsBetweenVotes = 16

// votes tells whether the ranks vote before the next step.
func (t *Trainer) votes() bool {
	return !t.root.Device().CUDA || t.step%stepsBetweenVotes == 0 || t.due(t.job.LogEvery) || t.due(t.job.CheckpointEvery) || t.due(t.job.Watch.EvalEvery)
}

// due tells whether the step that was done is one of every so many; 0: none is.
func (t *Trainer) due(every int) bool { return every > 0 && t.step%int64(every) == 0 }

// stepTogether is TrainStep where ranks train together: none begins a step that not all begin.
func (t *Trainer) stepTogether(ctx context.Context, s *torch.Scope) error {
	batches, n, err := t.Next(context.WithoutCancel(ctx), s)
	if t.votes() {
		err = t.vote(s, ctx.Err() != nil, err)
	} else if err != nil {
		err = apartError{err}
	}
	if err != nil {
		return err
	}
	if err := t.RunStep(s, batches, n); err != nil {
		return apartError{err}
	}
	if err := t.settle(s); err != nil {
		return apartError{err}
	}
	return nil
}

// vote is nil where no rank wants to stop and none failed.
func (t *Trainer) vote(s *torch.Scope, stop bool, failed error) error {
	mine := voteGoOn
	switch {
	case failed != nil:
		mine = voteFailed
	case stop:
		mine = voteStop
	}
	all := t.job.Meeting.Gather(s, []float64{float64(mine)})
	other := -1
	for r, v := range all {
		if v[0] == voteFailed {
			other = r
		}
		stop = stop || v[0] == voteStop
	}
	switch {
	case failed != nil:
		return failed
	case other >= 0:
		return &together.FailedError{Rank: other, Why: "it says why itself"}
	case stop:
		return errStopped
	}
	return nil
}

// leave has the other ranks stop where this one does.
func (t *Trainer) leave() {
	if t.comm() != nil && !t.done() {
		_ = t.vote(t.root, true, nil) // it is what this rank asked for
	}
}

// join has the ranks' devices add up, and all of them begin with rank 0's networks.
func (p *setup) join(t *Trainer) error {
	if p.job.Meeting == nil {
		return nil
	}
	if err := p.job.Meeting.Connect(p.dev); err != nil {
		return err
	}
	s := t.root.Child(torch.NoGrad)
	defer s.Close()
	for _, n := range t.parts.Nets {
		for _, e := range nn.Entries(n.Module) {
			t.comm().Broadcast(s.Use(e.Tensor), 0)
		}
	}
	t.emptyMeters(s)
	return t.alike(s)
}
