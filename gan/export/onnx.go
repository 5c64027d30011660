package export

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"forger/gan/checkpoint"
	"forger/internal/release"
	"forger/torch/nn"
	"forger/torch/onnx"
	"forger/torch/pt"
)

func exportONNX(o Options, read checkpoint.Reader) error {
	d, err := describe(o, read)
	if err != nil {
		return err
	}
	defer d.Root.Close()
	m, err := d.onnx(o.Net)
	if err != nil {
		return err
	}
	return onnx.WriteFile(o.Out, m)
}

// onnx is the network as a model of that name.
func (d *described) onnx(name string) (*onnx.Model, error) {
	m := &onnx.Model{
		Producer: "forger", ProducerVersion: release.Version(), Name: name, Inputs: d.inputs, Outputs: d.outputs,
	}
	names := map[string]string{}
	for i, v := range d.results {
		names[v] = d.outputs[i].Name
	}
	for i, v := range d.graph.Inputs {
		names[v] = d.inputs[i].Name
	}
	used := map[string]bool{}
	for _, n := range d.graph.Nodes {
		node, err := onnxNode(renamed(n, names), m)
		if err != nil {
			return nil, err
		}
		m.Nodes = append(m.Nodes, node)
		for _, key := range n.Params {
			used[key] = true
		}
	}
	for _, e := range nn.Entries(d.Net.Module) {
		if used[e.Name] {
			m.Initializers = append(m.Initializers, onnx.FromPT(e.Name, checkpoint.OnDemand(e.Tensor)))
		}
	}
	return m, nil
}

// renamed is an operation whose values have the names that the model's users see.
func renamed(n nn.Node, names map[string]string) nn.Node {
	n.Inputs = slices.Clone(n.Inputs)
	for i, v := range n.Inputs {
		if name, ok := names[v]; ok {
			n.Inputs[i] = name
		}
	}
	if name, ok := names[n.Output]; ok {
		n.Output = name
	}
	return n
}

// onnxNode is an operation in ONNX's terms; constants that it needs join the model's initializers.
func onnxNode(n nn.Node, m *onnx.Model) (onnx.Node, error) {
	write, ok := onnxOps[n.Op]
	if !ok {
		return onnx.Node{}, fmt.Errorf("onnx: %s: not known: have %s", n.Op, strings.Join(slices.Sorted(maps.Keys(onnxOps)), ", "))
	}
	if err := onnxCannot(n); err != nil {
		return onnx.Node{}, err
	}
	node := write(n, m)
	node.Outputs = []string{n.Output}
	for len(node.Inputs) > 0 && node.Inputs[len(node.Inputs)-1] == "" { // a bias that is left out
		node.Inputs = node.Inputs[:len(node.Inputs)-1]
	}
	return node, nil
}

// onnxOps is each operation under ONNX's name (https://onnx.ai/onnx/operators).
var onnxOps = joined(onnxLayers, map[string]func(n nn.Node, m *onnx.Model) onnx.Node{
	"linear": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "Gemm", Inputs: inputs(n), Attrs: []onnx.Attr{onnx.Int("transB", 1)}}
	},
	"conv2d": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "Conv", Inputs: inputs(n), Attrs: convAttrs(n)}
	},
	"conv_transpose2d": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "ConvTranspose", Inputs: inputs(n), Attrs: append(convAttrs(n), onnx.Ints("output_padding", n.Conv.OutputPadding[:]...))}
	},
	"add":  same("Add"),
	"relu": func(n nn.Node, _ *onnx.Model) onnx.Node { return onnx.Node{Op: "Relu", Inputs: inputs(n)} },
	"leaky_relu": func(n nn.Node, _ *onnx.Model) onnx.Node {
		return onnx.Node{Op: "LeakyRelu", Inputs: inputs(n), Attrs: []onnx.Attr{onnx.Float("alpha", float32(n.Slope))}}
	},
	"tanh":    func(n nn.Node, _ *onnx.Model) onnx.Node { return onnx.Node{Op: "Tanh", Inputs: inputs(n)} },
	"sigmoid": func(n nn.Node, _ *onnx.Model) onnx.Node { return onnx.Node{Op: "Sigmoid", Inputs: inputs(n)} },
	"reshape": func(n nn.Node, m *onnx.Model) onnx.Node {
		shape := "shape_of_" + n.Output
		var data []byte
		for _, size := range n.Shape {
			data = binary.LittleEndian.AppendUint64(data, uint64(int64(size)))
		}
		m.Initializers = append(m.Initializers, onnx.FromPT(shape, &pt.Tensor{DType: pt.Int64, Shape: []int{len(n.Shape)}, Data: data}))
		return onnx.Node{Op: "Reshape", Inputs: append(inputs(n), shape)}
	},
})

// inputs are the values and then the parameters of an operation.
func inputs(n nn.Node) []string { return append(slices.Clone(n.Inputs), n.Params...) }

func convAttrs(n nn.Node) []onnx.Attr {
	c := n.Conv
	return []onnx.Attr{
		onnx.Ints("strides", c.Stride[:]...), onnx.Ints("pads", c.Padding[0], c.Padding[1], c.Padding[0], c.Padding[1]),
		onnx.Ints("dilations", c.Dilation[:]...), onnx.Int("group", c.Groups),
	}
}
