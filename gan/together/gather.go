package together

import (
	"time"

	"forger/torch"
)

// Gather is what each rank brings, as many numbers each, by rank. It waits for all, in s, and panics with a *torch.Error of
// code PeerLost where one does not come.
func (m *Meeting) Gather(s *torch.Scope, mine []float64) (all [][]float64) {
	c := s.Child(torch.NoGrad)
	defer c.Close()
	m.pulse.waiting.Store(time.Now().UnixNano())
	defer m.pulse.waiting.Store(0)
	n := len(mine)
	values := make([]float64, m.World.Size*n)
	copy(values[m.World.Rank*n:], mine)
	x := c.FromDoubles(values, len(values))
	m.comm.Sum(x)
	values = x.Doubles()
	if m.pulse.late.Load() {
		panic(&torch.Error{Op: "all_reduce", Code: torch.PeerLost, Msg: "the ranks were waited for in vain"})
	}
	for r := range m.World.Size {
		all = append(all, values[r*n:(r+1)*n])
	}
	return all
}
