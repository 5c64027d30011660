package trainer

import (
	"bytes"
	"fmt"
	"strconv"

	"forger/data"
	"forger/gan/method"
	"forger/torch"
	"forger/torch/nn"
)

// warmUps is how many steps run before the capture, for what libtorch makes and measures at first use.
const warmUps = 3

// mostGraphs bounds how many forms of a step are captured. Their graphs share their memory, which is as large as the largest
// needs, but each keeps its kernels and its batches. Forms beyond that run operation by operation.
const mostGraphs = 16

// replayer repeats what was captured.
type replayer interface {
	Replay()
	Free()
}

// capturer keeps what body gives the device, which draws from streams, and does none of it.
type capturer func(body func(), streams ...*torch.Generator) (replayer, error)

// form is what makes a step another graph: its variant, and how many elements each of its batches has.
type form struct {
	variant int
	sizes   string // and what they are shares of
}

func formOf(batches []method.Batch, variant int) form {
	sizes := make([]string, len(batches))
	for i, b := range batches {
		sizes[i] = strconv.Itoa(b.X.Shape()[0])
		if b.Share.Of > 0 {
			sizes[i] = fmt.Sprintf("%d-%d/%d", b.Share.First, b.Share.First+b.Share.Count, b.Share.Of)
		}
	}
	return form{variant, fmt.Sprint(sizes)}
}

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

// runVariant trains on the batches of a step: by the graph of its form where there is one, and operation by operation
// else, also where the parts of a step are measured.
func (t *Trainer) runVariant(s *torch.Scope, batches []method.Batch, variant int) error {
	if t.keep == nil || t.parts.Enter != nil {
		t.m.Step(s, batches, variant)
		return nil
	}
	g, err := t.graphFor(batches, variant)
	if err != nil && t.job.Graph == "on" {
		return asked(err)
	} else if err != nil {
		t.warn(fmt.Sprintf("graph: batches of %s: %v: they run without", formOf(batches, variant).sizes, err))
	}
	if g == nil {
		t.m.Step(s, batches, variant)
		return nil
	}
	for i, b := range batches {
		g.batches[i].CopyFrom(s, b)
	}
	g.graph.Replay()
	return nil
}

// graphFor is the graph of a step on batches of these sizes, captured when that form is first met; nil: there is none. That
// it cannot be captured is an error once.
func (t *Trainer) graphFor(batches []method.Batch, variant int) (*captured, error) {
	f := formOf(batches, variant)
	g, met := t.graphs[f]
	if met || len(t.graphs) == mostGraphs {
		return g, nil
	}
	g, err := t.capture(batches, variant)
	t.graphs[f] = g
	return g, err
}

// asked is the error of a graph that was asked for.
func asked(err error) error {
	return fmt.Errorf("--graph on: the step cannot be captured: %w: use --graph auto", err)
}

// capture makes the graph of a step on batches of these sizes. The state of the run stays as it is.
func (t *Trainer) capture(like []method.Batch, variant int) (c *captured, err error) {
	c = &captured{scope: t.root.Child()}
	defer func() {
		if err != nil {
			c.scope.Close()
			c = nil
		}
	}()
	defer torch.Catch(&err)
	for _, b := range like {
		c.batches = append(c.batches, b.Clone(c.scope))
	}
	step := func() {
		s := c.scope.Child()
		defer s.Close()
		t.m.Step(s, c.batches, variant)
	}
	drawn, err := t.warmUp(step)
	if err != nil {
		return c, err
	}
	if c.graph, err = t.keep(step, drawn...); err != nil {
		t.dropGradients()
	}
	return c, err
}

// blanks are batches of these elements that hold nothing.
func (t *Trainer) blanks(s *torch.Scope, rows data.Rows) []method.Batch {
	n := rows.Count
	batches := make([]method.Batch, t.m.Batches())
	for i := range batches {
		batches[i].Share = t.share(rows)
		batches[i].X = upload(s, make([]byte, n*t.ds.Shape().Bytes()), n, t.ds.Shape())
		batches[i].Labels = t.labelled(s, make([]int32, n))
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

// warmUp takes steps and undoes them. drawn are the streams that the steps drew from.
func (t *Trainer) warmUp(step func()) (drawn []*torch.Generator, err error) {
	undo := t.mark()
	defer undo()
	defer torch.Catch(&err)
	stood := t.positions()
	for range warmUps {
		step()
	}
	for i, g := range t.streams() {
		if !bytes.Equal(stood[i], g.State()) {
			drawn = append(drawn, g)
		}
	}
	return drawn, nil
}

// positions is where each stream stands.
func (t *Trainer) positions() (stood [][]byte) {
	for _, g := range t.streams() {
		stood = append(stood, g.State())
	}
	return stood
}

// mark copies all that a step changes, on the device; undo sets it back and drops the copies.
func (t *Trainer) mark() (undo func()) {
	s := t.root.Child(torch.NoGrad)
	all := t.parts.State()
	copies := make([]torch.Tensor, len(all))
	for i, of := range all {
		copies[i] = s.Use(of).Clone()
	}
	stood := t.positions()
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

// onDevice keeps graphs that share their memory.
func (t *Trainer) onDevice() capturer {
	var first *torch.Graph
	return func(body func(), streams ...*torch.Generator) (replayer, error) {
		g, err := t.root.Capture(body, first, streams...)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = g
		}
		return g, nil
	}
}

// captureFirst captures the step that comes first, on full batches.
func (t *Trainer) captureFirst() error {
	s := t.root.Child()
	defer s.Close()
	t.parts.Turn(t.step, t.totalSteps())
	_, err := t.graphFor(t.blanks(s, planOf(t.job, t.ds).Rows(0)), t.m.Variant(t.step))
	return err
}

// captureStep captures the step that comes first, if that was decided: the other forms follow when they are met. One
// that cannot be captured is told of and run without, unless the graph was asked for.
func (p *setup) captureStep(t *Trainer) error {
	if t.resolved.Graph != "on" {
		return nil
	}
	t.keep = t.onDevice()
	err := t.captureFirst()
	if err == nil {
		return nil
	}
	if p.job.Graph == "on" {
		return asked(err)
	}
	t.keep, t.resolved.Graph = nil, "off"
	p.note("graph: %v: running without", err)
	return nil
}
