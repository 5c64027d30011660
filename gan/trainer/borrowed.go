package trainer

import (
	"time"

	"forger/gan/method"
	"forger/torch"
)

// Scope is the model's, sealed.
func (t *Trainer) Scope() *torch.Scope { return t.root }

// Parts is what a step changes.
func (t *Trainer) Parts() *method.Parts { return t.parts }

// Batches is how many batches a step takes.
func (t *Trainer) Batches() int { return t.m.Batches() }

// Resolved is what was decided.
func (t *Trainer) Resolved() Resolved { return t.resolved }

// Images counts the real elements shown.
func (t *Trainer) Images() int64 { return t.images }

// Waited is the time that steps waited for data since it was last asked for.
func (t *Trainer) Waited() time.Duration {
	wait := t.clock.wait
	t.clock.wait = 0
	return wait
}

// Finite waits for the device, and fails if a loss was not finite.
func (t *Trainer) Finite() error {
	_, err := t.readMeters()
	return err
}
