package method

import (
	"forger/torch"
	"forger/torch/nn"
)

// average keeps a network whose parameters are the exponential moving average of another's, and its buffers copies.
type average struct {
	params, of       []torch.Tensor
	copies, ofCopies []torch.Tensor
	decay            torch.Tensor // 0-dim
}

// newAverage pairs net with the network that it follows; both have the same entries.
func newAverage(net, of nn.Module, decay torch.Tensor) *average {
	a := &average{decay: decay}
	there := nn.Entries(of)
	for i, e := range nn.Entries(net) {
		if e.Buffer {
			a.copies, a.ofCopies = append(a.copies, e.Tensor), append(a.ofCopies, there[i].Tensor)
		} else {
			a.params, a.of = append(a.params, e.Tensor), append(a.of, there[i].Tensor)
		}
	}
	return a
}

// start makes the average what the network is now.
func (a *average) start(s *torch.Scope) {
	c := s.Child(torch.NoGrad)
	defer c.Close()
	s.Average(a.params, a.of, c.FullOf(torch.Float64, 0), a.copies, a.ofCopies)
}

// follow takes one step of the average, in one call.
func (a *average) follow(s *torch.Scope) { s.Average(a.params, a.of, a.decay, a.copies, a.ofCopies) }
