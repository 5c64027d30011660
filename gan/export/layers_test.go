package export

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"forger/gan/checkpoint"
	"forger/gan/gantest"
	"forger/gan/method"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/onnx"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every layer computes in ONNX Runtime and as TorchScript what it computes here.
func TestLayersAreExported(t *testing.T) {
	python := torchtest.Python(t)
	type layer struct {
		Shape []int
		Whole bool // int64
		X, Y  []float64
	}
	told, dir, n := map[string]layer{}, t.TempDir(), 0
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for name, m := range gantest.Layers(s) {
			for i, e := range nn.Entries(m) {
				if e.Name != "num_batches_tracked" {
					shape := e.Tensor.Shape()
					e.Tensor.CopyFrom(s.FromDoubles(torchtest.Fill(10+i, torchtest.Count(shape)), shape...).Affine(.5, .75))
				}
			}
			shape := gantest.LayerInput(name)
			x, kind := s.FromDoubles(torchtest.Fill(1, torchtest.Count(shape)), shape...).To(torch.Float32), pt.Float32
			if name == "embedding" {
				x, kind = s.FromInts([]int64{4, 0, 2, 2, 1, 3, 4, 4}, shape...), pt.Int64
			}
			y := m.Forward(s.Child(torch.Eval).Use(x))
			told[name] = layer{shape, kind == pt.Int64, x.Doubles(), y.Doubles()}
			saveLayer(t, s, m, filepath.Join(dir, name), onnx.Value{Name: "x", Type: kind, Dims: onnx.Shape("N", shape[1:]...)},
				onnx.Value{Name: "y", Type: pt.Float32, Dims: onnx.Shape("N", y.Shape()[1:]...)})
			n += 2
		}
	})
	text, err := json.Marshal(told)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "layers.json"), text, 0o644))
	var found map[string]float64
	torchtest.JSON(t, &found, python, filepath.Join(torchtest.Root(t), "scripts", "open_layers.py"), dir)
	assert.Len(t, found, n)
	for name, difference := range found {
		assert.InDelta(t, 0, difference, 1e-5, name)
	}
}

func saveLayer(t *testing.T, s *torch.Scope, m nn.Module, path string, in, out onnx.Value) {
	t.Helper()
	d := &described{Opened: &checkpoint.Opened{Net: method.Net{Module: m}, Root: s}, inputs: []onnx.Value{in}, outputs: []onnx.Value{out}}
	var err error
	d.graph, err = nn.Describe(m)
	require.NoError(t, err)
	d.results = []string{d.graph.Output}
	model, err := d.onnx("layer")
	require.NoError(t, err)
	require.NoError(t, onnx.WriteFile(path+".onnx", model))
	require.NoError(t, d.script(path+".torchscript"))
}

func TestWhatONNXHasNoFormFor(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for want, m := range map[string]nn.Module{
			"use avg_pool2d, or export as TorchScript": nn.AdaptiveAvgPool2d{Height: 2, Width: 1},
			"stick out (Ceil)":                         nn.AvgPool2d{Kernel: [2]int{2, 2}, Ceil: true},
		} {
			d := &described{Opened: &checkpoint.Opened{Net: method.Net{Module: m}}, inputs: make([]onnx.Value, 1)}
			var err error
			d.graph, err = nn.Describe(m)
			require.NoError(t, err)
			_, err = d.onnx("layer")
			assert.ErrorContains(t, err, want)
		}
	})
}
