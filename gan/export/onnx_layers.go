package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/onnx"
	"forger/torch/pt"
)

// This file holds the operations that ONNX has another form for, images [N,C,H,W] for what says so: several nodes, of which
// all but the last join the model by themselves.

// parts writes the nodes of one operation.
type parts struct {
	of nn.Node
	m  *onnx.Model
}

// add appends a node and returns its value.
func (p parts) add(op string, inputs []string, attrs ...onnx.Attr) string {
	v := fmt.Sprintf("%s_%d", p.of.Output, len(p.m.Nodes))
	p.m.Nodes = append(p.m.Nodes, onnx.Node{Op: op, Inputs: inputs, Outputs: []string{v}, Attrs: attrs})
	return v
}

func (p parts) constant(d pt.DType, shape []int, data []byte) string {
	name := fmt.Sprintf("%s_constant_%d", p.of.Output, len(p.m.Initializers))
	p.m.Initializers = append(p.m.Initializers, onnx.FromPT(name, &pt.Tensor{DType: d, Shape: shape, Data: data}))
	return name
}

// ints is a constant of int64 [len(values)].
func (p parts) ints(values ...int) string {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(int64(v)))
	}
	return p.constant(pt.Int64, []int{len(values)}, data)
}

// number is a constant of float32, 0-dim.
func (p parts) number(v float64) string {
	return p.constant(pt.Float32, []int{}, binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))))
}

// sizes are those of the dims [from, to) of x, int64.
func (p parts) sizes(x string, from, to int) string {
	return p.add("Shape", []string{x}, onnx.Int("start", from), onnx.Int("end", to))
}

func (p parts) reshape(x string, shape string) string { return p.add("Reshape", []string{x, shape}) }

// byChannel is a parameter [C] beside images: [C,1,1].
func (p parts) byChannel(param string) string { return p.reshape(param, p.ints(-1, 1, 1)) }

func (p parts) mean(x string, axes ...int) string {
	return p.add("ReduceMean", []string{x}, onnx.Ints("axes", axes...), onnx.Int("keepdims", 1))
}

// centred is x without its mean over axes, and the variance there.
func (p parts) centred(x string, axes ...int) (difference, variance string) {
	difference = p.add("Sub", []string{x, p.mean(x, axes...)})
	return difference, p.mean(p.add("Mul", []string{difference, difference}), axes...)
}

func (p parts) root(variance string) string {
	return p.add("Sqrt", []string{p.add("Add", []string{variance, p.number(p.of.Eps)})})
}

// normalised is x by its mean and variance over axes.
func (p parts) normalised(x string, axes ...int) string {
	difference, variance := p.centred(x, axes...)
	return p.add("Div", []string{difference, p.root(variance)})
}

// scaled is x*weight + bias, with form giving the two their place, or x where there are none.
func (p parts) scaled(x, weight, bias string, form func(string) string) onnx.Node {
	if weight == "" {
		return onnx.Node{Op: "Identity", Inputs: []string{x}}
	}
	return onnx.Node{Op: "Add", Inputs: []string{p.add("Mul", []string{x, form(weight)}), form(bias)}}
}

// onnxLayers are further entries of onnxOps.
var onnxLayers = map[string]func(n nn.Node, m *onnx.Model) onnx.Node{
	"conv1d": func(n nn.Node, _ *onnx.Model) onnx.Node {
		c := n.Conv
		return onnx.Node{Op: "Conv", Inputs: inputs(n), Attrs: []onnx.Attr{
			onnx.Ints("strides", c.Stride[1]), onnx.Ints("pads", c.Padding[1], c.Padding[1]), onnx.Ints("dilations", c.Dilation[1]),
			onnx.Int("group", c.Groups),
		}}
	},
	"avg_pool2d": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "AveragePool", Inputs: inputs(n), Attrs: append(poolAttrs(n), onnx.Int("count_include_pad", flag(!n.Pool.ExcludePad)))}
	},
	"max_pool2d": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "MaxPool", Inputs: inputs(n), Attrs: append(poolAttrs(n), onnx.Ints("dilations", n.Pool.Dilation[:]...))}
	},
	"adaptive_avg_pool2d": same("GlobalAveragePool"),
	"sum": func(n nn.Node, m *onnx.Model) onnx.Node {
		return onnx.Node{Op: "ReduceSum", Inputs: append(inputs(n), parts{n, m}.ints(n.Dims...)), Attrs: []onnx.Attr{onnx.Int("keepdims", 0)}}
	},
	"mean": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "ReduceMean", Inputs: inputs(n), Attrs: []onnx.Attr{onnx.Ints("axes", n.Dims...), onnx.Int("keepdims", 0)}}
	},
	"interpolate": onnxInterpolate,
	"pixel_shuffle": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "DepthToSpace", Inputs: inputs(n), Attrs: []onnx.Attr{onnx.Int("blocksize", n.Factor), onnx.String("mode", "CRD")}}
	},
	"pixel_unshuffle": onnxPixelUnshuffle,
	"pad": func(n nn.Node, m *onnx.Model) onnx.Node {
		s := n.Shape // left, right, top, bottom
		mode := map[torch.Border]string{torch.ZeroBorder: "constant", torch.ReflectBorder: "reflect", torch.ReplicateBorder: "edge"}[n.Border]
		return onnx.Node{Op: "Pad", Inputs: append(inputs(n), parts{n, m}.ints(0, 0, s[2], s[0], 0, 0, s[3], s[1])), Attrs: []onnx.Attr{onnx.String("mode", mode)}}
	},
	"batch_norm": onnxBatchNorm,
	"layer_norm": func(n nn.Node, m *onnx.Model) onnx.Node {
		p, axes := parts{n, m}, []int{}
		for i := range n.Shape {
			axes = append(axes, i-len(n.Shape))
		}
		return p.scaled(p.normalised(n.Inputs[0], axes...), n.Params[0], n.Params[1], func(v string) string { return v })
	},
	"group_norm": func(n nn.Node, m *onnx.Model) onnx.Node {
		p, x := parts{n, m}, n.Inputs[0]
		y := p.normalised(p.reshape(x, p.ints(0, n.Factor, -1)), 2)
		return p.scaled(p.reshape(y, p.add("Shape", []string{x})), n.Params[0], n.Params[1], p.byChannel)
	},
	"instance_norm": func(n nn.Node, m *onnx.Model) onnx.Node {
		p := parts{n, m}
		return p.scaled(p.normalised(n.Inputs[0], 2, 3), n.Params[0], n.Params[1], p.byChannel)
	},
	"silu": func(n nn.Node, m *onnx.Model) onnx.Node {
		return onnx.Node{Op: "Mul", Inputs: []string{n.Inputs[0], parts{n, m}.add("Sigmoid", n.Inputs)}}
	},
	"gelu": onnxGELU,
	"elu": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "Elu", Inputs: inputs(n), Attrs: []onnx.Attr{onnx.Float("alpha", float32(n.Slope))}}
	},
	"softplus":    same("Softplus"),
	"softmax":     along("Softmax"),
	"log_softmax": along("LogSoftmax"),
	"prelu": func(n nn.Node, m *onnx.Model) onnx.Node {
		return onnx.Node{Op: "PRelu", Inputs: []string{n.Inputs[0], parts{n, m}.byChannel(n.Params[0])}}
	},
	"embedding": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "Gather", Inputs: []string{n.Params[0], n.Inputs[0]}}
	},
	"mul": same("Mul"),
	"narrow": func(n nn.Node, m *onnx.Model) onnx.Node {
		p, from := parts{n, m}, n.Shape[0]
		return onnx.Node{Op: "Slice", Inputs: []string{n.Inputs[0], p.ints(from), p.ints(from + n.Shape[1]), p.ints(n.Dims[0])}}
	},
	"masked_conv2d": func(n nn.Node, m *onnx.Model) onnx.Node {
		weight := parts{n, m}.add("Mul", n.Params[:2])
		return onnx.Node{Op: "Conv", Inputs: []string{n.Inputs[0], weight, n.Params[2]}, Attrs: convAttrs(n)}
	},
	"cat": along("Concat"),
	"one_hot": func(n nn.Node, m *onnx.Model) onnx.Node {
		p := parts{n, m}
		var ends []byte
		for _, v := range []float32{0, 1} {
			ends = binary.LittleEndian.AppendUint32(ends, math.Float32bits(v))
		}
		return onnx.Node{Op: "OneHot", Inputs: []string{n.Inputs[0], p.ints(n.Factor), p.constant(pt.Float32, []int{2}, ends)}}
	},
	"expand_as": func(n nn.Node, m *onnx.Model) onnx.Node {
		p := parts{n, m}
		shape := p.add("Concat", []string{p.ints(1, 1), p.sizes(n.Inputs[1], 2, 4)}, onnx.Int("axis", 0))
		return onnx.Node{Op: "Expand", Inputs: []string{n.Inputs[0], shape}}
	},
	"minibatch_stddev": onnxMinibatchStdDev,
	"pixel_attention":  onnxPixelAttention,
}

// onnxCannot is why an operation has no form in ONNX.
func onnxCannot(n nn.Node) error {
	switch {
	case n.Op == "adaptive_avg_pool2d" && !slices.Equal(n.Shape, []int{1, 1}):
		return errors.New("onnx: adaptive_avg_pool2d: ONNX has it for one pixel alone: use avg_pool2d, or export as TorchScript")
	case n.Op == "avg_pool2d" && n.Pool.Ceil:
		return errors.New("onnx: avg_pool2d: ONNX counts windows that stick out (Ceil) otherwise: export as TorchScript")
	}
	return nil
}

// same is an operation that differs in its name alone.
func same(op string) func(nn.Node, *onnx.Model) onnx.Node {
	return func(n nn.Node, _ *onnx.Model) onnx.Node { return onnx.Node{Op: op, Inputs: inputs(n)} }
}

// along is an operation along a dim.
func along(op string) func(nn.Node, *onnx.Model) onnx.Node {
	return func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: op, Inputs: inputs(n), Attrs: []onnx.Attr{onnx.Int("axis", n.Dims[0])}}
	}
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func poolAttrs(n nn.Node) []onnx.Attr {
	p := n.Pool
	return []onnx.Attr{
		onnx.Ints("kernel_shape", p.Kernel[:]...), onnx.Ints("strides", p.Stride[:]...),
		onnx.Ints("pads", p.Padding[0], p.Padding[1], p.Padding[0], p.Padding[1]), onnx.Int("ceil_mode", flag(p.Ceil)),
	}
}

func onnxInterpolate(n nn.Node, m *onnx.Model) onnx.Node {
	p, f := parts{n, m}, math.Float32bits(float32(n.Factor))
	var scales []byte
	for _, bits := range []uint32{math.Float32bits(1), math.Float32bits(1), f, f} {
		scales = binary.LittleEndian.AppendUint32(scales, bits)
	}
	attrs := []onnx.Attr{
		onnx.String("mode", "nearest"), onnx.String("nearest_mode", "floor"), onnx.String("coordinate_transformation_mode", "asymmetric"),
	}
	if n.Interpolation.Bilinear {
		by := "pytorch_half_pixel"
		if n.Interpolation.AlignCorners {
			by = "align_corners"
		}
		attrs = []onnx.Attr{onnx.String("mode", "linear"), onnx.String("coordinate_transformation_mode", by)}
	}
	return onnx.Node{Op: "Resize", Inputs: []string{n.Inputs[0], "", p.constant(pt.Float32, []int{4}, scales)}, Attrs: attrs}
}

// onnxPixelUnshuffle: SpaceToDepth puts the places in a block before the channels, PyTorch behind them.
func onnxPixelUnshuffle(n nn.Node, m *onnx.Model) onnx.Node {
	p := parts{n, m}
	y := p.add("SpaceToDepth", n.Inputs, onnx.Int("blocksize", n.Factor))
	sides := p.sizes(y, 2, 4)
	join := func(front ...int) string {
		return p.add("Concat", []string{p.ints(front...), sides}, onnx.Int("axis", 0))
	}
	apart := p.reshape(y, join(0, n.Factor*n.Factor, -1))
	turned := p.add("Transpose", []string{apart}, onnx.Ints("perm", 0, 2, 1, 3, 4))
	return onnx.Node{Op: "Reshape", Inputs: []string{turned, join(0, -1)}}
}

// onnxBatchNorm: ONNX's own needs a weight and a bias.
func onnxBatchNorm(n nn.Node, m *onnx.Model) onnx.Node {
	mean, variance, weight, bias := n.Params[0], n.Params[1], n.Params[2], n.Params[3]
	if weight == "" {
		p := parts{n, m}
		return onnx.Node{Op: "Div", Inputs: []string{
			p.add("Sub", []string{n.Inputs[0], p.byChannel(mean)}), p.root(p.byChannel(variance)),
		}}
	}
	return onnx.Node{
		Op: "BatchNormalization", Inputs: []string{n.Inputs[0], weight, bias, mean, variance},
		Attrs: []onnx.Attr{onnx.Float("epsilon", float32(n.Eps))},
	}
}

// onnxGELU is x/2 (1 + erf(x/sqrt 2)), or with tanh(sqrt(2/pi) (x + .044715 x^3)) in place of erf.
func onnxGELU(n nn.Node, m *onnx.Model) onnx.Node {
	p, x := parts{n, m}, n.Inputs[0]
	var bent string
	if n.Tanh {
		cube := p.add("Mul", []string{x, p.add("Mul", []string{x, x})})
		sum := p.add("Add", []string{x, p.add("Mul", []string{cube, p.number(.044715)})})
		bent = p.add("Tanh", []string{p.add("Mul", []string{sum, p.number(math.Sqrt(2 / math.Pi))})})
	} else {
		bent = p.add("Erf", []string{p.add("Mul", []string{x, p.number(math.Sqrt(.5))})})
	}
	half := p.add("Mul", []string{x, p.number(.5)})
	return onnx.Node{Op: "Mul", Inputs: []string{half, p.add("Add", []string{bent, p.number(1)})}}
}

// onnxMinibatchStdDev is nn.MinibatchStdDev's Forward; the batch, and with it the groups, are known only when it runs.
func onnxMinibatchStdDev(n nn.Node, m *onnx.Model) onnx.Node {
	p, x := parts{n, m}, n.Inputs[0]
	group := p.add("Min", []string{p.sizes(x, 0, 1), p.ints(n.Factor)})
	concat := func(values ...string) string { return p.add("Concat", values, onnx.Int("axis", 0)) }
	_, variance := p.centred(p.reshape(x, concat(group, p.ints(-1), p.sizes(x, 1, 4))), 0)
	level := p.mean(p.root(variance), 2, 3, 4) // [1,N/group,1,1,1]
	each := p.reshape(level, p.ints(-1, 1, 1, 1))
	return onnx.Node{
		Op: "Concat", Inputs: []string{x, p.add("Tile", []string{each, concat(group, p.ints(1), p.sizes(x, 2, 4))})},
		Attrs: []onnx.Attr{onnx.Int("axis", 1)},
	}
}

// onnxPixelAttention is what nn.SelfAttention makes of theta, phi and g.
func onnxPixelAttention(n nn.Node, m *onnx.Model) onnx.Node {
	p, theta := parts{n, m}, n.Inputs[0]
	flat := func(x string) string { return p.reshape(x, p.ints(0, 0, -1)) }
	turned := func(x string) string { return p.add("Transpose", []string{x}, onnx.Ints("perm", 0, 2, 1)) }
	scores := p.add("MatMul", []string{turned(flat(theta)), flat(n.Inputs[1])})
	beta := p.add("Softmax", []string{scores}, onnx.Int("axis", 2))
	seen := p.add("MatMul", []string{flat(n.Inputs[2]), turned(beta)})
	shape := p.add("Concat", []string{p.ints(0, 0), p.sizes(theta, 2, 4)}, onnx.Int("axis", 0))
	return onnx.Node{Op: "Reshape", Inputs: []string{seen, shape}}
}
