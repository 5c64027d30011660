package onnx

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"forger/torch/pt"
)

// pythonWithONNX finds the interpreter of scripts/setup's full set, if it has the readers.
func pythonWithONNX(t *testing.T) string {
	t.Helper()
	python := os.Getenv("FORGER_PYTHON")
	if python == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		python = filepath.Join(cache, "forger", "torch-2.11.0", "bin", "python")
	}
	if err := exec.Command(python, "-c", "import onnx, onnxruntime, torch").Run(); err != nil {
		t.Skipf("SKIPPED: no Python with PyTorch, onnx and onnxruntime at %s (%v): what Go writes is not checked against them",
			python, err)
	}
	return python
}

// weights are those of dcganModel. Variances are positive, and every entry differs from its neighbours.
func weights() *pt.Dict {
	rng := rand.New(rand.NewPCG(1, 2))
	d := pt.NewOrderedDict()
	add := func(name string, least float64, shape ...int) {
		values := make([]float32, (&pt.Tensor{Shape: shape}).Numel())
		for i := range values {
			values[i] = float32(least + rng.Float64())
		}
		d.Set(name, pt.Of(values, shape...))
	}
	add("g0", -0.5, 5, 6, 4, 4)
	add("bn.weight", 0.5, 6)
	add("bn.bias", -0.5, 6)
	add("bn.mean", -0.5, 6)
	add("bn.var", 0.5, 6)
	add("g1", -0.5, 6, 3, 4, 4)
	add("d0", -0.5, 4, 3, 4, 4)
	add("d1", -0.5, 1, 4, 4, 4)
	add("fc", -0.5, 7, 4*4*4)
	add("shift", -0.5, 7)
	return d
}

// dcganModel is a generator of 8x8 images, and on them a discriminator and a linear layer; check.py has it in PyTorch.
func dcganModel(t *testing.T, w *pt.Dict) *Model {
	t.Helper()
	node := func(op, out string, in []string, attrs ...Attr) Node {
		return Node{Op: op, Name: "make " + out, Inputs: in, Outputs: []string{out}, Attrs: attrs}
	}
	kernel, strides, pads := Ints("kernel_shape", 4, 4), Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1)
	m := &Model{
		Producer: "forger", Name: "dcgan",
		Inputs: []Value{{Name: "z", Type: pt.Float32, Dims: Shape("N", 5, 1, 1)}},
		Outputs: []Value{
			{Name: "images", Type: pt.Float32, Dims: Shape("N", 3, 8, 8)},
			{Name: "probability", Type: pt.Float32, Dims: Shape("N")},
			{Name: "features", Type: pt.Float32, Dims: Shape("N", 7)},
		},
		Nodes: []Node{
			node("ConvTranspose", "h0", []string{"z", "g0"}, kernel, Ints("strides", 1, 1), Ints("pads", 0, 0, 0, 0)),
			node("BatchNormalization", "h1", []string{"h0", "bn.weight", "bn.bias", "bn.mean", "bn.var"}, Float("epsilon", 1e-5)),
			node("Relu", "h2", []string{"h1"}),
			node("ConvTranspose", "h3", []string{"h2", "g1"}, kernel, strides, pads),
			node("Tanh", "images", []string{"h3"}),
			node("Conv", "c0", []string{"images", "d0"}, kernel, strides, pads),
			node("LeakyRelu", "c1", []string{"c0"}, Float("alpha", 0.2)),
			node("Conv", "c2", []string{"c1", "d1"}, kernel),
			node("Sigmoid", "c3", []string{"c2"}),
			node("Reshape", "probability", []string{"c3", "flat"}),
			node("Flatten", "f0", []string{"c1"}, Int("axis", 1)),
			node("Gemm", "f1", []string{"f0", "fc"}, Int("transB", 1)),
			node("Add", "features", []string{"f1", "shift"}),
		},
		Initializers: []Tensor{FromPT("flat", pt.Of([]int64{-1}))},
		Metadata:     [][2]string{{"step", "1800"}, {"note", "gänse"}},
	}
	for name, v := range w.All() {
		m.Initializers = append(m.Initializers, FromPT(name.(string), v.(*pt.Tensor)))
	}
	return m
}

// typesModel has an initializer of every type, of two elements.
func typesModel() *Model {
	m := &Model{Name: "types"}
	for _, d := range pt.DTypes() {
		if checkType(d) != nil {
			continue
		}
		data := make([]byte, 2*d.Size())
		data[0], data[len(data)-1] = 1, 1
		tensor := FromPT(d.String(), &pt.Tensor{DType: d, Shape: []int{2, 1}, Data: data})
		m.Initializers = append(m.Initializers, tensor)
		m.Outputs = append(m.Outputs, Value{Name: tensor.Name, Type: d, Dims: []Dim{{Size: 2}, {Size: 1}}})
	}
	return m
}

// array is a tensor as check.py describes it.
type array struct {
	Type, Hex string
	Shape     []int
	Values    []float64
}

type report struct {
	Held struct {
		IR       int
		Opset    [][2]any
		Metadata [][2]string
		Tensors  map[string]array
	}
	Drawn []struct{ Runtime, Torch []array }
}

// The onnx package finds in a file what was written, and ONNX Runtime draws what PyTorch computes.
func TestONNXRuntimeReads(t *testing.T) {
	python := pythonWithONNX(t)
	dir := t.TempDir()
	w := weights()
	require.NoError(t, pt.WriteFile(filepath.Join(dir, "weights.pt"), w))
	models := map[string]*Model{"dcgan": dcganModel(t, w), "types": typesModel(), "golden": goldenModel()}
	for name, m := range models {
		require.NoError(t, WriteFile(filepath.Join(dir, name+".onnx"), m))
	}
	out, err := exec.Command(python, filepath.Join("testdata", "check.py"), dir).CombinedOutput()
	require.NoError(t, err, string(out))
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, name+".json"))
			require.NoError(t, err)
			var seen report
			require.NoError(t, json.Unmarshal(text, &seen))
			sameHeld(t, m, seen)
			if name == "dcgan" {
				sameDrawn(t, seen)
			}
		})
	}
}

// onnxTypes are the names of TensorProto.DataType.
var onnxTypes = map[string]pt.DType{
	"FLOAT": pt.Float32, "DOUBLE": pt.Float64, "FLOAT16": pt.Float16, "BFLOAT16": pt.BFloat16, "BOOL": pt.Bool,
	"UINT8": pt.Uint8, "UINT16": pt.Uint16, "UINT32": pt.Uint32, "UINT64": pt.Uint64, "COMPLEX64": pt.Complex64,
	"INT8": pt.Int8, "INT16": pt.Int16, "INT32": pt.Int32, "INT64": pt.Int64, "COMPLEX128": pt.Complex128,
}

func sameHeld(t *testing.T, m *Model, seen report) {
	t.Helper()
	assert.Equal(t, 8, seen.Held.IR)
	assert.Equal(t, [][2]any{{"", 17.0}}, seen.Held.Opset)
	assert.Len(t, seen.Held.Metadata, len(m.Metadata))
	for i, kv := range seen.Held.Metadata {
		assert.Equal(t, m.Metadata[i], kv)
	}
	require.Len(t, seen.Held.Tensors, len(m.Initializers))
	for _, tensor := range m.Initializers {
		data, err := tensor.Bytes()
		require.NoError(t, err)
		got := seen.Held.Tensors[tensor.Name]
		assert.Equal(t, tensor.DType, onnxTypes[got.Type], tensor.Name)
		assert.Equal(t, append([]int{}, tensor.Shape...), got.Shape, tensor.Name)
		assert.Equal(t, hex.EncodeToString(data), got.Hex, tensor.Name)
	}
}

func sameDrawn(t *testing.T, seen report) {
	t.Helper()
	require.Len(t, seen.Drawn, 2)
	for i, n := range []int{1, 3} {
		shapes := [][]int{{n, 3, 8, 8}, {n}, {n, 7}}
		require.Len(t, seen.Drawn[i].Torch, len(shapes))
		require.Len(t, seen.Drawn[i].Runtime, len(shapes))
		for j, want := range seen.Drawn[i].Torch {
			got := seen.Drawn[i].Runtime[j]
			require.Equal(t, shapes[j], want.Shape)
			require.Equal(t, shapes[j], got.Shape)
			assert.InDeltaSlice(t, want.Values, got.Values, 1e-5, fmt.Sprintf("output %d at batch %d", j, n))
		}
	}
}
