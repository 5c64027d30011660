package gan

import (
	"slices"

	"forger/torch"
	"forger/torch/nn"
)

// average is the generator of --ema: its parameters are the exponential moving average of the trained one's, its
// buffers are copies.
type average struct {
	net              nn.Module
	params, of       []torch.Tensor
	copies, ofCopies []torch.Tensor
	decay            torch.Tensor // float64 0-dim
}

// newAverage pairs net with the generator that it follows; both have the same entries.
func newAverage(net, gen nn.Module, decay torch.Tensor) *average {
	a := &average{net: net, decay: decay}
	of := nn.Entries(gen)
	for i, e := range nn.Entries(net) {
		if e.Buffer {
			a.copies, a.ofCopies = append(a.copies, e.Tensor), append(a.ofCopies, of[i].Tensor)
		} else {
			a.params, a.of = append(a.params, e.Tensor), append(a.of, of[i].Tensor)
		}
	}
	return a
}

// start makes the average what the generator is now.
func (a *average) start(s *torch.Scope) {
	s.Average(nil, nil, torch.Tensor{}, append(slices.Clone(a.params), a.copies...), append(slices.Clone(a.of), a.ofCopies...))
}

// follow takes one step of the average, in one call.
func (a *average) follow(s *torch.Scope) { s.Average(a.params, a.of, a.decay, a.copies, a.ofCopies) }
