package trainer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"forger/torch"
	"forger/torch/nn"
)

// settle brings together what the ranks have apart, where the step that was done is one at which somebody looks.
func (t *Trainer) settle(s *torch.Scope) error {
	if t.due(t.job.LogEvery) || t.due(t.job.CheckpointEvery) || t.due(t.job.Watch.EvalEvery) {
		t.fold(s)
	}
	if t.due(t.job.CheckpointEvery) {
		return t.alike(s)
	}
	return nil
}

// settled is settle of the last step, whatever it is.
func (t *Trainer) settled() error {
	if t.comm() == nil {
		return nil
	}
	s := t.root.Child()
	defer s.Close()
	t.fold(s)
	return t.alike(s)
}

// fold has rank 0's meters hold the sums of all ranks', and the others' none: together they are what they were.
func (t *Trainer) fold(s *torch.Scope) {
	var mine []float64
	for _, m := range t.parts.Meters {
		mine = append(mine, m.Sums.Doubles()...)
	}
	all := t.job.Meeting.Gather(s, mine)
	at := 0
	for _, m := range t.parts.Meters {
		n := len(m.Names)
		sums := slices.Clone(mine[at : at+n+2]) // behind the sums stand how many there are, and how many of them not finite
		for i := range n {
			sums[i] = 0
			for _, of := range all {
				sums[i] += of[at+i]
			}
		}
		for _, of := range all {
			sums[n+1] = max(sums[n+1], of[at+n+1])
		}
		if !t.job.Meeting.Leads() {
			clear(sums[:n])
		}
		c := s.Child(torch.NoGrad)
		m.Sums.CopyFrom(c.FromDoubles(sums, len(sums)))
		c.Close()
		at += n + 2
	}
}

// emptyMeters has the meters of a run that goes on be those of one rank alone, as fold leaves them.
func (t *Trainer) emptyMeters(s *torch.Scope) {
	if t.job.Meeting.Leads() {
		return
	}
	for _, m := range t.parts.Meters {
		s.Use(m.Sums).Narrow(0, 0, len(m.Names)).Fill(0)
	}
}

// alike fails where a rank's step, streams or weights are not those of rank 0, and names it: what it adds to the others' gradients
// is of another network. Running statistics are each rank's own.
func (t *Trainer) alike(s *torch.Scope) error {
	h := sha256.New()
	fmt.Fprintln(h, t.step, t.images)
	for _, state := range t.positions() {
		h.Write(state)
	}
	for _, n := range t.parts.Nets {
		for _, p := range nn.Parameters(n.Module) {
			h.Write(p.Bytes())
		}
	}
	mine := float64(binary.LittleEndian.Uint64(h.Sum(nil)) >> 11) // 53 bits, which a float64 has
	all := t.job.Meeting.Gather(s, []float64{mine})
	for r, of := range all {
		if of[0] != all[0][0] {
			return fmt.Errorf("rank %d: at step %d its weights or its random numbers are not rank 0's: the ranks' machines or programs differ, or one is faulty: "+
				"go on from the last checkpoint with --resume", r, t.step)
		}
	}
	return nil
}
