package trainer

import (
	"fmt"

	"forger/gan/checkpoint"
	"forger/gan/report"
	"forger/gan/rundir"
	"forger/torch/pt"
)

// saver writes checkpoints while the training goes on, at most one at a time.
type saver struct {
	dir   *rundir.Dir
	lines *report.Lines
	keep  int
	snap  checkpoint.Snapshot

	pending chan error // of the write in flight; nil: there is none
	writing saved      // what it writes

	last saved // the newest that is complete
}

// saved is a checkpoint's file and the step it was taken at.
type saved struct {
	path string
	step int64
}

// SaveError says that a checkpoint could not be written. The one before it is as it was.
type SaveError struct {
	Step int64
	Err  error
}

func (e *SaveError) Error() string { return fmt.Sprintf("checkpoint of step %d: %v", e.Step, e.Err) }
func (e *SaveError) Unwrap() error { return e.Err }

// start writes a tree that the training does not touch until wait or poll says that it is done.
func (s *saver) start(root *pt.Dict, step int64) {
	s.writing = saved{s.dir.Checkpoint(step), step}
	s.pending = make(chan error, 1)
	go func() { s.pending <- s.write(root) }()
}

// writeNow is start and wait, on this goroutine.
func (s *saver) writeNow(root *pt.Dict, step int64) error {
	s.writing = saved{s.dir.Checkpoint(step), step}
	return s.settle(s.write(root))
}

// write writes in one go and then removes what is too many.
func (s *saver) write(root *pt.Dict) error {
	err := checkpoint.Finite(root, s.writing.step)
	if err == nil {
		err = s.lines.Sync() // the lines up to this step are part of what can be resumed
	}
	if err == nil {
		err = pt.WriteFile(s.writing.path, root)
	}
	if err == nil {
		err = s.dir.Publish(s.writing.path, s.keep)
	}
	return err
}

// poll reports on a write that has ended since the last call: done is false where there is none.
func (s *saver) poll() (done bool, err error) {
	select {
	case err = <-s.pending: // a nil channel is never ready
		return true, s.settle(err)
	default:
		return false, nil
	}
}

// wait is poll for a write that is still in flight.
func (s *saver) wait() (done bool, err error) {
	if s.pending == nil {
		return false, nil
	}
	return true, s.settle(<-s.pending)
}

func (s *saver) settle(err error) error {
	s.pending = nil
	if err != nil {
		return &SaveError{s.writing.step, err}
	}
	s.last = s.writing
	return nil
}
