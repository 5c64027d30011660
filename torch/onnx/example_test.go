package onnx_test

import (
	"bytes"
	"fmt"

	"forger/torch/onnx"
	"forger/torch/pt"
)

// One linear layer, for any batch size.
func ExampleWrite() {
	m := &onnx.Model{
		Name:    "linear",
		Inputs:  []onnx.Value{{Name: "x", Type: pt.Float32, Dims: onnx.Shape("N", 2)}},
		Outputs: []onnx.Value{{Name: "y", Type: pt.Float32, Dims: onnx.Shape("N", 3)}},
		Nodes: []onnx.Node{{
			Op: "Gemm", Inputs: []string{"x", "weight"}, Outputs: []string{"y"}, Attrs: []onnx.Attr{onnx.Int("transB", 1)},
		}},
		Initializers: []onnx.Tensor{onnx.FromPT("weight", pt.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2))},
	}
	var file bytes.Buffer
	if err := onnx.Write(&file, m); err != nil {
		fmt.Println(err)
	}
	fmt.Println(file.Len(), "bytes")

	m.Nodes[0].Inputs[1] = "wieght"
	fmt.Println(onnx.Write(&file, m))
	// Output:
	// 140 bytes
	// onnx: write: node 0 ("Gemm") reads "wieght", which nothing defines: name an input, an initializer or an output of a node before it
}
