package together

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"forger/internal/tcpstore"
	"forger/torch"
)

// LostError says which ranks of a run are gone. What the run saved before is as it was.
type LostError struct {
	Ranks []int // none: nobody can tell
	Err   error // what showed it
}

func (e *LostError) Error() string {
	who := "the ranks lost each other, and each of them lives"
	if len(e.Ranks) > 0 {
		var names []string
		for _, r := range e.Ranks {
			names = append(names, strconv.Itoa(r))
		}
		who = "lost rank " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s: %v: start the ranks again, with --resume where a checkpoint was written", who, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

func (e *LostError) names(r int) bool {
	for _, of := range e.Ranks {
		if of == r {
			return true
		}
	}
	return false
}

// FailedError says that another rank failed by itself, and has the others end.
type FailedError struct {
	Rank int
	Why  string
}

func (e *FailedError) Error() string { return fmt.Sprintf("rank %d failed: %s", e.Rank, e.Why) }

// How a rank ended, in the store.
const (
	leftDone   = "done"
	leftLost   = "another"
	leftFailed = "failed: "
)

// failed is the key that is there once a rank has failed.
func (m *Meeting) failed() string { return m.key("failed") }

// left is the key of how a rank ended, and gone that of one that has no more questions.
func (m *Meeting) left(r int) string { return m.key("left/" + strconv.Itoa(r)) }
func (m *Meeting) gone(r int) string { return m.key("gone/" + strconv.Itoa(r)) }

// Blame finds out who is lost, where err says that somebody is: a *LostError, or a *FailedError. Other errors stay as they are.
func (m *Meeting) Blame(err error) error {
	var lost *LostError
	if m == nil || err == nil || errors.As(err, &lost) || !isLoss(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	// The others are to see that it was not this one.
	if m.store.Set(ctx, m.left(m.World.Rank), []byte(leftLost)) != nil {
		return m.withoutStore(err)
	}
	before, failure := m.signs(ctx)
	if failure == nil && before.failed == nil {
		pause(ctx, 3*beat)
	}
	after, again := m.signs(ctx)
	switch {
	case failure != nil || again != nil:
		return m.withoutStore(err)
	case after.failed != nil:
		return after.failed
	}
	gone := &LostError{Err: err}
	for r, n := range after.beats {
		if n >= 0 && n == before.beats[r] && r != m.World.Rank {
			gone.Ranks = append(gone.Ranks, r)
		}
	}
	return gone
}

// withoutStore is the loss of whoever hosts the store.
func (m *Meeting) withoutStore(err error) error {
	if m.World.AgentStore {
		return &LostError{Err: fmt.Errorf("%w, and the store of torchrun's agent is gone too", err)}
	}
	return &LostError{Ranks: []int{0}, Err: fmt.Errorf("%w, and its store is gone", err)}
}

// signs are what the store says of the ranks.
type signs struct {
	beats  []int64 // how often each showed that it lives; -1 of those that ended by themselves
	failed error   // a *FailedError; nil: none did
}

func (m *Meeting) signs(ctx context.Context) (s signs, err error) {
	for r := range m.World.Size {
		state, has, err := m.store.TryGet(ctx, m.left(r))
		if err != nil {
			return s, err
		}
		if has {
			s.beats = append(s.beats, -1)
			if why, by := strings.CutPrefix(string(state), leftFailed); by {
				s.failed = &FailedError{r, why}
			}
			continue
		}
		n, err := m.store.Add(ctx, m.beatOf(r), 0)
		if err != nil {
			return s, err
		}
		s.beats = append(s.beats, n)
	}
	return s, nil
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// isLoss tells that a rank did not answer from what went wrong otherwise.
func isLoss(err error) bool {
	var e *torch.Error
	return errors.As(err, &e) && e.Code == torch.PeerLost || errors.Is(err, tcpstore.ErrLost) || errors.Is(err, tcpstore.ErrTimeout)
}
