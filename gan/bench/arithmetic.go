package bench

import (
	"fmt"
	"slices"
	"strings"

	"forger/gan/method"
	"forger/torch/nn"
)

// arithmetic is what a pass over a network takes: floating-point operations, and the bytes that must move at the least
// (inputs, weights and outputs once, float32).
type arithmetic struct{ flops, bytes float64 }

func (a arithmetic) times(n float64) arithmetic { return arithmetic{a.flops * n, a.bytes * n} }

func (a arithmetic) plus(b arithmetic) arithmetic {
	return arithmetic{a.flops + b.flops, a.bytes + b.bytes}
}

// normalised is what a weight's name has behind its layer's where nn.SpectralNorm keeps it; nn.Describe has ".weight" there.
const normalised = ".parametrizations.weight.original"

// layerCost is a forward pass of each layer with products, for one image, and of the first of them alone.
func layerCost(m nn.Module, input []int, batch int) (all, first arithmetic, err error) {
	g, err := nn.Describe(m)
	if err != nil {
		return all, first, err
	}
	return graphCost(g, m, input, batch)
}

// netCost is layerCost of a network, which may take labels too.
func netCost(n method.Net, batch int) (all, first arithmetic, err error) {
	if n.Classes == 0 {
		return layerCost(n.Module, n.Input.Shape, batch)
	}
	g, err := nn.DescribeFor(n.Module)
	if err != nil {
		return all, first, err
	}
	return graphCost(g, n.Module, n.Input.Shape, batch)
}

func graphCost(g *nn.Graph, m nn.Module, input []int, batch int) (all, first arithmetic, err error) {
	weights := map[string][]int{}
	for _, e := range nn.Entries(m) {
		weights[strings.Replace(e.Name, normalised, ".weight", 1)] = e.Tensor.Shape()
	}
	shapes := map[string][]int{g.Inputs[0]: input, nn.LabelsInput: {}} // [C,H,W] or [features], without the batch
	seen := false
	for _, n := range g.Nodes {
		given := make([][]int, len(n.Inputs))
		for i, v := range n.Inputs {
			given[i] = shapes[v]
		}
		cost, y, err := nodeCost(n, given, weights, batch)
		if err != nil {
			return all, first, fmt.Errorf("arithmetic: %s: %w", n.Op, err)
		}
		shapes[n.Output] = y
		all = all.plus(cost)
		if !seen && cost.flops > 0 {
			first, seen = cost, true
		}
	}
	return all, first, nil
}

// nodeCost is one operation's arithmetic for an image whose inputs have these shapes, and the shape of its result. A weight's
// bytes are shared by the batch.
func nodeCost(n nn.Node, given [][]int, weights map[string][]int, batch int) (cost arithmetic, y []int, err error) {
	x := given[0]
	switch n.Op {
	case "conv1d":
		w, c := weights[n.Params[0]], n.Conv // [out,in/groups,k]
		y = []int{w[0], outSize(x[1], w[2], c.Stride[1], c.Padding[1], c.Dilation[1])}
		cost.flops = 2 * float64(size(w)) * float64(y[1])
	case "conv2d", "masked_conv2d": // what is masked is computed too
		w, c := weights[n.Params[0]], n.Conv // [out,in/groups,kh,kw]
		y = []int{w[0], outSize(x[1], w[2], c.Stride[0], c.Padding[0], c.Dilation[0]), outSize(x[2], w[3], c.Stride[1], c.Padding[1], c.Dilation[1])}
		cost.flops = 2 * float64(size(w)) * float64(y[1]*y[2])
	case "conv_transpose2d":
		w, c := weights[n.Params[0]], n.Conv // [in,out/groups,kh,kw]
		y = []int{w[1] * c.Groups, grown(x[1], w[2], 0, n), grown(x[2], w[3], 1, n)}
		cost.flops = 2 * float64(size(w)) * float64(x[1]*x[2])
	case "linear":
		w := weights[n.Params[0]]
		y = []int{w[0]}
		cost.flops = 2 * float64(size(w))
	case "reshape":
		if len(n.Shape) == 0 || n.Shape[0] != -1 || size(n.Shape[1:]) != size(x) {
			return cost, nil, fmt.Errorf("%v of an image of %v: it must keep the batch first, as -1, and each image's %d numbers", n.Shape, x, size(x))
		}
		return cost, slices.Clone(n.Shape[1:]), nil
	case "cat", "expand_as":
		return cost, joinedShape(n.Op, given), nil
	case "pixel_attention": // [c,H,W], and phi and g of fewer pixels: two products
		phi, g := given[1], given[2]
		y = []int{g[0], x[1], x[2]}
		cost.flops = 2 * float64(x[1]*x[2]*phi[1]*phi[2]) * float64(phi[0]+g[0])
		cost.bytes = 4 * float64(size(phi)+size(g))
	default:
		y, err = moved(n, x, weights)
		return cost, y, err
	}
	cost.bytes += 4 * float64(size(x)+size(y))
	if len(n.Params) > 0 {
		cost.bytes += 4 * float64(size(weights[n.Params[0]])) / float64(batch)
	}
	return cost, y, nil
}

func outSize(in, kernel, stride, padding, dilation int) int {
	return (in+2*padding-dilation*(kernel-1)-1)/stride + 1
}

// grown is the side of a transposed convolution's result.
func grown(in, kernel, side int, n nn.Node) int {
	c := n.Conv
	return (in-1)*c.Stride[side] - 2*c.Padding[side] + c.Dilation[side]*(kernel-1) + c.OutputPadding[side] + 1
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// stepCost is the arithmetic of a training step for one element of a batch: of each network, what its passes take. A pass
// back between the layers leaves out what the network was given.
func stepCost(nets []method.Net, batch int) (total arithmetic, err error) {
	for _, n := range nets {
		if n.Passes == (method.Passes{}) {
			continue
		}
		all, first, err := netCost(n, batch)
		if err != nil {
			return total, fmt.Errorf("%s: %w", n.Key, err)
		}
		p := n.Passes
		total = total.plus(all.times(p.Forward + p.Weights + p.Between)).plus(first.times(p.Input - p.Between))
	}
	return total, nil
}
