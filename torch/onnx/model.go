package onnx

import "forger/torch/pt"

// What Write declares. ONNX Runtime reads it from version 1.12 on.
const (
	irVersion = 8
	opset     = 17 // of the default domain, ai.onnx
)

// Model is one graph and what is said about it.
type Model struct {
	Producer, ProducerVersion string // the program that wrote the file; may be empty
	Name                      string // the graph's
	Inputs, Outputs           []Value
	Nodes                     []Node // each behind those whose outputs it reads
	Initializers              []Tensor
	Metadata                  [][2]string // key and value, written in this order
}

// Value is an input or an output of the graph.
type Value struct {
	Name string
	Type pt.DType
	Dims []Dim // none: a scalar
}

// Dim is one dimension: a size, or the name of one that is known only when the model runs.
type Dim struct {
	Size int
	Name string
}

// Shape lists a batch dimension by its name and the fixed sizes behind it: Shape("N", 3, 64, 64).
func Shape(batch string, sizes ...int) []Dim {
	dims := []Dim{{Name: batch}}
	for _, n := range sizes {
		dims = append(dims, Dim{Size: n})
	}
	return dims
}

// Node is one use of an operator. An empty name among Inputs or Outputs leaves out an optional one.
type Node struct {
	Op              string // as in "ConvTranspose"
	Name            string // may be empty
	Inputs, Outputs []string
	Attrs           []Attr
}

// Attr is an attribute of a node, made by Int, Ints, Float or String. What is left out has the operator's default.
type Attr struct {
	name  string
	value any // int64, []int64, float32 or string
}

// Int is an integer: Int("group", 1).
func Int(name string, v int) Attr { return Attr{name, int64(v)} }

// Ints is a list of integers: Ints("strides", 2, 2).
func Ints(name string, v ...int) Attr {
	list := make([]int64, len(v))
	for i := range v {
		list[i] = int64(v[i])
	}
	return Attr{name, list}
}

// Float is a number: Float("alpha", 0.2).
func Float(name string, v float32) Attr { return Attr{name, v} }

// String is a word: String("mode", "nearest").
func String(name, v string) Attr { return Attr{name, v} }

// Tensor is an initializer: a value that is part of the model.
type Tensor struct {
	Name  string
	DType pt.DType
	Shape []int // none: a scalar
	// Bytes returns the elements, contiguous and little-endian. It is called once, when they are due in the file, and
	// what it returned is not kept.
	Bytes func() ([]byte, error)
}

// FromPT is t under a name; its elements are read when they are due.
func FromPT(name string, t *pt.Tensor) Tensor {
	if t == nil {
		return Tensor{Name: name} // Write says what is missing
	}
	return Tensor{Name: name, DType: t.DType, Shape: t.Shape, Bytes: t.Bytes}
}
