package bench

import (
	"errors"
	"slices"

	"forger/torch/nn"
)

// joinedShape is what becomes of images or numbers that are put together along their first dim, or of one that is made as large as
// another.
func joinedShape(op string, given [][]int) []int {
	y := slices.Clone(given[0])
	if op == "expand_as" {
		return append(y[:1], given[1][1:]...)
	}
	for _, x := range given[1:] {
		y[0] += x[0]
	}
	return y
}

// moved is what an operation without products makes of an image of shape x.
func moved(n nn.Node, x []int, weights map[string][]int) ([]int, error) {
	switch n.Op {
	case "batch_norm", "layer_norm", "group_norm", "instance_norm", "add", "mul", "relu", "leaky_relu", "tanh", "sigmoid", "silu",
		"gelu", "elu", "prelu", "softplus", "softmax", "log_softmax":
		return x, nil
	case "narrow":
		y := slices.Clone(x)
		y[n.Dims[0]-1] = n.Shape[1]
		return y, nil
	case "one_hot":
		return []int{n.Factor}, nil
	case "embedding":
		return append(slices.Clone(x), weights[n.Params[0]][1]), nil
	}
	if n.Op == "sum" && len(x) == 1 && slices.Equal(n.Dims, []int{1}) {
		return []int{}, nil
	}
	if len(x) != 3 {
		return nil, errors.New("not known")
	}
	c, h, w := x[0], x[1], x[2]
	switch n.Op {
	case "avg_pool2d", "max_pool2d":
		return []int{c, pooled(h, 0, n), pooled(w, 1, n)}, nil
	case "adaptive_avg_pool2d":
		return []int{c, n.Shape[0], n.Shape[1]}, nil
	case "sum", "mean": // over the pixels
		return []int{c}, nil
	case "interpolate":
		return []int{c, h * n.Factor, w * n.Factor}, nil
	case "pixel_shuffle":
		return []int{c / (n.Factor * n.Factor), h * n.Factor, w * n.Factor}, nil
	case "pixel_unshuffle":
		return []int{c * n.Factor * n.Factor, h / n.Factor, w / n.Factor}, nil
	case "pad":
		return []int{c, h + n.Shape[2] + n.Shape[3], w + n.Shape[0] + n.Shape[1]}, nil
	case "minibatch_stddev":
		return []int{c + 1, h, w}, nil
	}
	return nil, errors.New("not known")
}

// pooled is a side behind a pooling: with Ceil a last window may stick out, if it begins within the image or its padding.
func pooled(in, side int, n nn.Node) int {
	p := n.Pool
	out := outSize(in, p.Kernel[side], p.Stride[side], p.Padding[side], p.Dilation[side])
	left := (in + 2*p.Padding[side] - p.Dilation[side]*(p.Kernel[side]-1) - 1) % p.Stride[side]
	if p.Ceil && left > 0 && out*p.Stride[side] < in+p.Padding[side] {
		out++
	}
	return out
}
