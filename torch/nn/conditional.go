package nn

import "forger/torch"

// Conditional is a module whose output hangs on a label of each sample too.
type Conditional interface {
	Module
	// ForwardFor is Forward for samples of these labels: int64 [N], or float [N,K], a share of each of the K classes.
	ForwardFor(x, labels torch.Tensor) torch.Tensor
}

// ForwardFor is m's output for x whose samples have labels. A module that is not Conditional leaves them aside, and so does any
// where they are the zero Tensor.
func ForwardFor(m Module, x, labels torch.Tensor) torch.Tensor {
	if c, ok := m.(Conditional); ok && labels.Valid() {
		return c.ForwardFor(x, labels)
	}
	return m.Forward(x)
}

// LabelsInput is the name of the input of a Graph that takes labels, int64 [N], its second one.
const LabelsInput = "labels"

// DescribeFor is Describe of a module that takes labels too.
func DescribeFor(m Module) (*Graph, error) {
	g := NewGraph("input", LabelsInput)
	g.Output = g.Describe(m, "", g.Inputs[0])
	return g, g.Err()
}

// IsShares tells labels that are shares of classes.
func IsShares(labels torch.Tensor) bool { return labels.Info().DType != torch.Int64 }

// ForwardFor is a row of the weight for each label: [N,dim].
func (e *Embedding) ForwardFor(_, labels torch.Tensor) torch.Tensor {
	if IsShares(labels) {
		return e.with(e.Weight, labels, func(w torch.Tensor) torch.Tensor { return labels.MatMul(w) })
	}
	return e.Forward(labels)
}

// ConditionalBatchNorm2d is a BatchNorm2d whose weight and bias are the label's: gain and shift (Dumoulin et al. 2017; Miyato and
// Koyama 2018).
type ConditionalBatchNorm2d struct {
	norm        *BatchNorm2d // without weight and bias
	gain, shift *Embedding   // [classes,channels]
}

// NewConditionalBatchNorm2d makes a layer for [N,channels,H,W] that is a plain normalisation for each class before it learns.
func NewConditionalBatchNorm2d(s *torch.Scope, classes, channels int) *ConditionalBatchNorm2d {
	c := &ConditionalBatchNorm2d{
		NewBatchNorm2dWith(s, channels, NormOptions{NoAffine: true}), NewEmbedding(s, nil, classes, channels), NewEmbedding(s, nil, classes, channels),
	}
	c.gain.Weight.Fill(1)
	return c
}

// Forward panics with a *torch.Error: it needs labels.
func (c *ConditionalBatchNorm2d) Forward(torch.Tensor) torch.Tensor {
	panic(&torch.Error{Op: "conditional_batch_norm", Code: torch.Failed, Msg: "it needs labels: call ForwardFor"})
}

// ForwardFor keeps x's shape.
func (c *ConditionalBatchNorm2d) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	b := c.of(labels)
	defer release([]torch.Tensor{b.norm.Weight, b.norm.Bias})
	return b.Forward(x)
}

// of is c for samples of these labels, whose weight and bias the caller releases.
func (c *ConditionalBatchNorm2d) of(labels torch.Tensor) *BatchNorm2d {
	b := *c.norm
	b.norm.Weight, b.norm.Bias = c.gain.ForwardFor(labels, labels), c.shift.ForwardFor(labels, labels)
	return &b
}

// Children are the parts.
func (c *ConditionalBatchNorm2d) Children() []Module { return []Module{c.norm} }

// State is norm, gain, shift.
func (c *ConditionalBatchNorm2d) State(prefix string, visit func(Entry)) {
	c.norm.State(join(prefix, "norm"), visit)
	c.gain.State(join(prefix, "gain"), visit)
	c.shift.State(join(prefix, "shift"), visit)
}

// Describe is add(mul(batch_norm(x), embedding(labels, gain)), embedding(labels, shift)).
func (c *ConditionalBatchNorm2d) Describe(g *Graph, prefix, x string) string {
	rows := func(e *Embedding, name string) string {
		return g.Add(Node{Op: "reshape", Inputs: []string{g.Describe(e, join(prefix, name), LabelsInput)}, Shape: []int{-1, e.Weight.Shape()[1], 1, 1}})
	}
	y := g.Describe(c.norm, join(prefix, "norm"), x)
	y = g.Add(Node{Op: "mul", Inputs: []string{y, rows(c.gain, "gain")}})
	return g.Add(Node{Op: "add", Inputs: []string{y, rows(c.shift, "shift")}})
}
