package trainer

import (
	"fmt"

	"forger/gan/method"
	"forger/torch"
	"forger/torch/nn"
)

// warmUps is how many steps run before the capture, for what libtorch makes and measures at first use.
const warmUps = 3

// replayer repeats what was captured.
type replayer interface {
	Replay()
	Free()
}

// capturer keeps what body gives the device, which draws from streams, and does none of it.
type capturer func(body func(), streams ...*torch.Generator) (replayer, error)

// captured is a step of one form that the device repeats by itself, on batches that lie where they lay when it was
// captured.
type captured struct {
	graph   replayer
	scope   *torch.Scope // of batches
	batches []method.Batch
}

func (c *captured) free() {
	c.graph.Free()
	c.scope.Close()
}

// takes reports whether these batches are of the size that was captured.
func (c *captured) takes(batches []method.Batch) bool {
	for i, b := range batches {
		if b.X.Shape()[0] != c.batches[i].X.Shape()[0] {
			return false
		}
	}
	return true
}

// runVariant trains on the batches of a step: by the graph where there is one for its form and their size, and operation by
// operation else, as for the last batch of an epoch, and where the parts of a step are measured.
func (t *Trainer) runVariant(s *torch.Scope, batches []method.Batch, variant int) error {
	g, err := t.graphFor(variant)
	if err != nil {
		return err
	}
	if g == nil || t.parts.Enter != nil || !g.takes(batches) {
		t.m.Step(s, batches, variant)
		return nil
	}
	for i, b := range batches {
		s.Use(g.batches[i].X).CopyFrom(b.X)
	}
	g.graph.Replay()
	return nil
}

// graphFor is the graph of a form of the step, captured when that is first met; nil: there is none. One that cannot be
// captured is an error where the graph was asked for.
func (t *Trainer) graphFor(variant int) (*captured, error) {
	g, met := t.graphs[variant]
	if t.keep == nil || met {
		return g, nil
	}
	g, err := t.capture(variant)
	t.graphs[variant] = g
	if err != nil && t.job.Graph == "on" {
		return nil, fmt.Errorf("--graph on: the step cannot be captured: %w: use --graph auto", err)
	}
	return g, err
}

// capture makes the graph of a step on full batches. The state of the run stays as it is.
func (t *Trainer) capture(variant int) (c *captured, err error) {
	c = &captured{scope: t.root.Child()}
	defer func() {
		if err != nil {
			c.scope.Close()
			c = nil
		}
	}()
	defer torch.Catch(&err)
	c.batches = t.blanks(c.scope, min(t.job.Batch, t.ds.Len()))
	step := func() {
		s := c.scope.Child()
		defer s.Close()
		t.m.Step(s, c.batches, variant)
	}
	if err := t.warmUp(step); err != nil {
		return c, err
	}
	if c.graph, err = t.keep(step, t.streams()...); err != nil {
		t.dropGradients()
	}
	return c, err
}

// blanks are batches of n elements that hold nothing.
func (t *Trainer) blanks(s *torch.Scope, n int) []method.Batch {
	batches := make([]method.Batch, t.m.Batches())
	for i := range batches {
		batches[i].X = upload(s, make([]byte, n*t.ds.Shape().Bytes()), n, t.ds.Shape())
	}
	return batches
}

func (t *Trainer) streams() []*torch.Generator {
	var all []*torch.Generator
	for _, s := range t.parts.Streams {
		all = append(all, s.Generator)
	}
	return all
}

// warmUp takes steps and undoes them.
func (t *Trainer) warmUp(step func()) (err error) {
	undo := t.mark()
	defer undo()
	defer torch.Catch(&err)
	for range warmUps {
		step()
	}
	return nil
}

// mark copies all that a step changes, on the device; undo sets it back and drops the copies.
func (t *Trainer) mark() (undo func()) {
	s := t.root.Child(torch.NoGrad)
	all := t.parts.State()
	copies := make([]torch.Tensor, len(all))
	for i, of := range all {
		copies[i] = s.Use(of).Clone()
	}
	var stood [][]byte
	for _, g := range t.streams() {
		stood = append(stood, g.State())
	}
	return func() {
		defer s.Close()
		t.dropGradients()
		for i, of := range all {
			of.CopyFrom(copies[i])
		}
		for i, g := range t.streams() {
			g.SetState(stood[i])
		}
	}
}

// dropGradients leaves none of a step that did not come to its end.
func (t *Trainer) dropGradients() {
	for _, n := range t.parts.Nets {
		t.root.ZeroGrad(nn.Parameters(n.Module))
	}
}

// captureStep captures the step that comes first, if that was decided: the other forms follow when they are met. One
// that cannot be captured is told of and run without, unless the graph was asked for.
func (p *setup) captureStep(t *Trainer) error {
	if t.resolved.Graph != "on" {
		return nil
	}
	t.keep = func(body func(), streams ...*torch.Generator) (replayer, error) {
		return t.root.Capture(body, streams...)
	}
	t.parts.Turn(t.step, t.totalSteps())
	_, err := t.graphFor(t.m.Variant(t.step))
	if err == nil || p.job.Graph == "on" {
		return err
	}
	t.keep, t.resolved.Graph = nil, "off"
	p.note("graph: %v: running without", err)
	return nil
}
