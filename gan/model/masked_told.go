package model

import (
	"forger/torch"
	"forger/torch/nn"
)

// told is a convolution whose results hang on the label too, by a bias for each class (van den Oord et al. 2016, "Conditional
// image generation with PixelCNN decoders", equation 4, of a one-hot label).
type told struct {
	nn.Module               // [N,in,H,W] -> [N,out,H,W]
	classes   *nn.Embedding // [K,out]
}

// told tells a layer the label, where labels are learnt. The biases begin at 0, so that the network begins as it would without.
//
// In stacks of gates all convolutions that see pixels are told, ahead of the gates, as in the paper. A residual block is told in
// the middle, at its convolution that sees other pixels: there the bias decides, by the rectifier behind it, what of them passes;
// at the end of a block it would add to a sum to which all blocks add.
func (m masks) told(layer nn.Module) nn.Module {
	if m.classes == 0 {
		return layer
	}
	return &told{layer, nn.NewEmbedding(m.b.Scope, nil, m.classes, widthOf(layer))}
}

// Forward panics with a *torch.Error: it needs labels.
func (t *told) Forward(torch.Tensor) torch.Tensor { return unlabelled() }

// ForwardFor is [N,in,H,W] -> [N,out,H,W].
func (t *told) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	y := t.Module.Forward(x)
	shape := y.Shape()
	sum := y.Add(t.rows(labels).Reshape(shape[0], shape[1], 1, 1).To(y.Info().DType))
	y.Release()
	return sum
}

// rows are the biases of these labels, [N,out].
func (t *told) rows(labels torch.Tensor) torch.Tensor {
	if !labels.Valid() {
		return unlabelled()
	}
	return t.classes.ForwardFor(labels, labels)
}

// Children are the convolution and the classes' biases.
func (t *told) Children() []nn.Module { return []nn.Module{t.Module, t.classes} }

// State is the convolution's, and classes.
func (t *told) State(prefix string, visit func(nn.Entry)) {
	t.Module.State(prefix, visit)
	t.classes.State(key(prefix, "classes"), visit)
}

// Describe is add(conv2d(x), embedding(labels, classes)).
func (t *told) Describe(g *nn.Graph, prefix, x string) string {
	y := g.Describe(t.Module, prefix, x)
	rows := g.Describe(t.classes, key(prefix, "classes"), nn.LabelsInput)
	rows = g.Add(nn.Node{Op: "reshape", Inputs: []string{rows}, Shape: []int{-1, widthOf(t.Module), 1, 1}})
	return g.Add(nn.Node{Op: "add", Inputs: []string{y, rows}})
}

// untold is a layer without what it is told of the label, and that, [N,out,1,1]; the zero Tensor: nothing.
func untold(m nn.Module, labels torch.Tensor) (layer nn.Module, shift torch.Tensor) {
	t, ok := m.(*told)
	if !ok {
		return m, shift
	}
	rows := t.rows(labels)
	shape := rows.Shape()
	return t.Module, rows.Reshape(shape[0], shape[1], 1, 1)
}

// shifted is a follower of a layer that is told the label.
type shifted struct {
	follower
	by torch.Tensor // [N,out]
}

func (l shifted) at(row, column int, x torch.Tensor) torch.Tensor {
	return l.follower.at(row, column, x).Add(l.by)
}
