package gan

import (
	"fmt"

	"forger/torch"
	"forger/torch/nn"
)

// graphs are how the step may be run on CUDA: as one graph where that can be, always so, or operation by operation.
var graphs = []string{"auto", "on", "off"}

// warmUps is how many steps run before the capture, for what libtorch makes and measures at first use.
const warmUps = 3

// replayer repeats what was captured.
type replayer interface {
	Replay()
	Free()
}

// capturer keeps what body gives the device, which draws from streams, and does none of it.
type capturer func(body func(), streams ...*torch.Generator) (replayer, error)

// captured is a step that the device repeats by itself, on batches that lie where they lay when it was captured.
type captured struct {
	graph replayer
	scope *torch.Scope   // of reals
	reals []torch.Tensor // float32 [N,C,H,W], one for each update of the discriminator
}

func (c *captured) free() {
	c.graph.Free()
	c.scope.Close()
}

// takes reports whether these batches are of the size that was captured.
func (c *captured) takes(reals []torch.Tensor) bool {
	for i, real := range reals {
		if real.Shape()[0] != c.reals[i].Shape()[0] {
			return false
		}
	}
	return true
}

// runStep trains on one batch for each update of the discriminator: by the graph where there is one for their size, and
// operation by operation else, as for the last batch of an epoch, and where the parts of a step are measured.
func (t *trainer) runStep(s *torch.Scope, reals []torch.Tensor) {
	if t.graph == nil || t.st.enter != nil || !t.graph.takes(reals) {
		t.st.step(s, reals)
		return
	}
	for i, real := range reals {
		s.Use(t.graph.reals[i]).CopyFrom(real)
	}
	t.graph.graph.Replay()
}

// capture makes the graph of a step on full batches. The state of the run stays as it is.
func (t *trainer) capture(keep capturer) (err error) {
	shape, n := t.ds.Shape(), min(t.cfg.Batch, t.ds.Len())
	c := &captured{scope: t.root.Child()}
	defer func() {
		if err != nil {
			c.scope.Close()
		}
	}()
	defer torch.Catch(&err)
	for range t.cfg.DiscSteps {
		blank := make([]byte, n*shape.Bytes())
		c.reals = append(c.reals, c.scope.Images(blank, n, shape.Height, shape.Width, shape.Channels))
	}
	step := func() {
		s := c.scope.Child()
		defer s.Close()
		t.st.step(s, c.reals)
	}
	if err := t.warmUp(step); err != nil {
		return err
	}
	if c.graph, err = keep(step, t.noise, t.dropout); err != nil {
		t.dropGradients()
		return err
	}
	t.graph = c
	return nil
}

// warmUp takes steps and undoes them.
func (t *trainer) warmUp(step func()) (err error) {
	undo := t.mark()
	defer undo()
	defer torch.Catch(&err)
	for range warmUps {
		step()
	}
	return nil
}

// mark copies all that a step changes, on the device; undo sets it back and drops the copies.
func (t *trainer) mark() (undo func()) {
	s := t.root.Child(torch.NoGrad)
	all := t.state()
	copies := make([]torch.Tensor, len(all))
	for i, of := range all {
		copies[i] = s.Use(of).Clone()
	}
	noise, dropout := t.noise.State(), t.dropout.State()
	return func() {
		defer s.Close()
		t.dropGradients()
		for i, of := range all {
			of.CopyFrom(copies[i])
		}
		t.noise.SetState(noise)
		t.dropout.SetState(dropout)
	}
}

// state lists the tensors that a step changes.
func (t *trainer) state() []torch.Tensor {
	all := []torch.Tensor{t.st.meterD, t.st.meterG}
	for _, n := range t.networks() {
		for _, e := range nn.Entries(n.net) {
			all = append(all, e.Tensor)
		}
	}
	for _, o := range t.optimizers() {
		for _, of := range o.opt.State() {
			for _, tensor := range of {
				all = append(all, tensor)
			}
		}
	}
	return all
}

// dropGradients leaves none of a step that did not come to its end.
func (t *trainer) dropGradients() {
	for _, n := range t.networks() {
		t.root.ZeroGrad(nn.Parameters(n.net))
	}
}

// graph decides whether the step is to be captured on dev.
func (o *origin) graph(dev torch.Device) (string, error) {
	switch {
	case dev.CUDA && o.cfg.Graph != "off":
		return "on", nil
	case o.cfg.Graph == "on" && o.resolved == nil: // a run that goes on elsewhere goes on without
		return "", fmt.Errorf("--graph on: it needs a CUDA device, and this is %s: use --graph auto", dev)
	}
	return "off", nil
}

// captureStep captures the step of t if that was decided. One that cannot be captured is told of and run without,
// unless the graph was asked for.
func (o *origin) captureStep(t *trainer) error {
	if t.resolved.Graph != "on" {
		return nil
	}
	err := t.capture(func(body func(), streams ...*torch.Generator) (replayer, error) {
		return t.root.Capture(body, streams...)
	})
	if err == nil {
		return nil
	}
	if o.cfg.Graph == "on" {
		return fmt.Errorf("--graph on: the step cannot be captured: %w: use --graph auto", err)
	}
	t.resolved.Graph = "off"
	o.notes = append(o.notes, fmt.Sprintf("graph: %v: running without", err))
	return nil
}
