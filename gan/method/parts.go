package method

import (
	"slices"

	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
)

// Parts is all that a step changes or draws from. Checkpoints, the capture's undo, verification and measurements walk it,
// and name no network.
type Parts struct {
	Nets       []Net
	Optimizers []Optimizer
	Streams    []Stream
	Meters     []Meter
	Figures    []Figure
	Dials      []*Dial
	Kept       []Kept
	Notes      []string // what the user should know of this training

	Phases []string           // the parts of a step, in the order of a report
	Enter  func(phase string) // told of each of them, for measurements; nil in training
}

// At tells that a part of the step begins.
func (p *Parts) At(phase string) {
	if p.Enter != nil {
		p.Enter(phase)
	}
}

// Turn sets every dial to what it is at a step of a run of so many.
func (p *Parts) Turn(step, steps int64) {
	for _, d := range p.Dials {
		d.turn(step, steps)
	}
}

// State lists the tensors that a step changes.
func (p *Parts) State() []torch.Tensor {
	var all []torch.Tensor
	for _, m := range p.Meters {
		all = append(all, m.Sums)
	}
	for _, k := range p.Kept {
		all = append(all, k.Tensor)
	}
	for _, n := range p.Nets {
		for _, e := range nn.Entries(n.Module) {
			all = append(all, e.Tensor)
		}
	}
	for _, o := range p.Optimizers {
		for _, of := range o.State() {
			for _, t := range of {
				all = append(all, t)
			}
		}
	}
	return all
}

// Kept is a tensor that a step changes beside all of these, under its key in a checkpoint.
type Kept struct {
	Key    string
	Tensor torch.Tensor
}

// Net is a network of a method.
type Net struct {
	Key    string // in a checkpoint
	Module nn.Module
	Input  Value
	Output Value

	// Second is what the other half of the output is along the channels, where it is two values in one; "": it is one.
	Second string

	Draws    bool   // samples are drawn from it
	Classes  int    // of the labels that it takes beside its input; 0: it takes none
	Averages string // the key of the network whose average it is; "": it is trained itself
	// Probabilities: who reads the output expects its sigmoid, which training leaves to the loss.
	Probabilities bool
	Init          Init
	Passes        Passes
}

// TakesPoints tells a network of points of d numbers.
func (n Net) TakesPoints(d int) bool { return len(n.Input.Shape) == 1 && n.Input.Shape[0] == d }

// Scores are what a network that TakesPoints makes of points [N,D]: its logits [N]. Of one that takes labels they are those of
// the class that each point passes for best.
func (n Net) Scores(s *torch.Scope, points []float32) []float32 {
	d := n.Input.Shape[0]
	c := s.Child()
	defer c.Close()
	x := c.FromFloats(points, len(points)/d, d)
	if n.Classes == 0 {
		return n.Module.Forward(x).Floats()
	}
	var best torch.Tensor
	for class := range n.Classes {
		score := nn.ForwardFor(n.Module, x, Labels(c, slices.Repeat([]int32{int32(class)}, len(points)/d)))
		if class > 0 {
			score = best.Maximum(score)
		}
		best = score
	}
	return best.Floats()
}

// Value is what goes into a network or comes out of it.
type Value struct {
	Name  string
	Shape []int // without the batch
}

// Init is a file of weights to start from.
type Init struct {
	Path string   // "": the weights are drawn
	Keys []string // under which a file of several networks may have it
}

// Passes counts what a step does with a network, for each element of a batch: passes forward, and passes back that
// take the gradients of weights, of the activations between its layers, and of what it was given.
type Passes struct{ Forward, Weights, Between, Input float64 }

func (p Passes) times(n float64) Passes {
	return Passes{p.Forward * n, p.Weights * n, p.Between * n, p.Input * n}
}

// Drawn is the network that samples are drawn from: the average where there is one.
func Drawn(nets []Net) Net {
	var drawn Net
	for _, n := range nets {
		if n.Draws {
			drawn = n
		}
	}
	return drawn
}

// Optimizer is an optimizer under its key in a checkpoint.
type Optimizer struct {
	Key string
	optim.Optimizer
}

// Noise is the use of the stream that a step's noise is drawn from.
const Noise = "noise"

// Stream is a stream of random numbers and its use, the key of its state in a checkpoint (that of Noise stands under the
// kind of device).
type Stream struct {
	Use string
	*torch.Generator
}

// stream is the builder's stream for a use, which the step draws from.
func (p *Parts) stream(b *model.Builder, use string) *torch.Generator {
	g := b.Stream(use)
	if !slices.ContainsFunc(p.Streams, func(s Stream) bool { return s.Use == use }) {
		p.Streams = append(p.Streams, Stream{use, g})
	}
	return g
}

// Meter sums on the device what a log shows the means of.
type Meter struct {
	Key    string   // in a checkpoint
	Names  []string // of the sums, the loss first
	Labels []string // the same for people; "": they are not shown
	Every  int      // updates of a step, a value each
	Period int      // steps from one that has values to the next; 0: each has
	// Probabilities: all but the loss are.
	Probabilities bool
	Sums          torch.Tensor // float64 [len(Names)+2], as Scope.MeterAdd has it
}

// Figure is what a log shows beside the means, made of one of them.
type Figure struct {
	Name string
	Of   string // a meter's
	At   func(mean float64) float64
}

// newMeter makes a meter in s.
func newMeter(s *torch.Scope, key string, every int, names, labels []string) Meter {
	return Meter{Key: key, Names: names, Labels: labels, Every: every, Sums: s.FullOf(torch.Float64, 0, len(names)+2)}
}

// Dial is a number of the host's that a step reads on the device, so that a captured step sees it change: a rate, a
// momentum, a weight, a decay.
type Dial struct {
	Name  string
	At    Schedule
	Value torch.Tensor // float64 0-dim

	rate bool    // a learning rate
	slow float64 // share of it that is taken; 0: all

	last float64
}

// Slow takes a share of every learning rate from here on.
func (p *Parts) Slow(share float64) {
	for _, d := range p.Dials {
		if d.rate {
			d.slow = share
		}
	}
}

// dial is the tensor of a number that stands at what it is at the first step; a second one of a name is the first.
func (p *Parts) dial(s *torch.Scope, name string, at Schedule) torch.Tensor {
	for _, d := range p.Dials {
		if d.Name == name {
			return d.Value
		}
	}
	first := at(0, 1)
	d := &Dial{Name: name, At: at, Value: s.FullOf(torch.Float64, first), last: first}
	p.Dials = append(p.Dials, d)
	return d.Value
}

// rates marks a dial as a learning rate.
func (p *Parts) rates(name string) {
	for _, d := range p.Dials {
		d.rate = d.rate || d.Name == name
	}
}

// turn touches the device only where the number changed.
func (d *Dial) turn(step, steps int64) {
	v := d.At(step, steps)
	if d.slow != 0 {
		v *= d.slow
	}
	if v != d.last {
		d.Value.Fill(v)
		d.last = v
	}
}
