package onnx

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"forger/torch/pt"
)

// goldenModel is what scripts/golden_onnx.py builds with the real onnx package.
func goldenModel() *Model {
	weight := make([]float32, 12)
	for i := range weight {
		weight[i] = float32(i)/8 - 0.5
	}
	return &Model{
		Producer: "forger", ProducerVersion: "1.2", Name: "net",
		Inputs: []Value{{Name: "x", Type: pt.Float32, Dims: Shape("N", 1, 7, 200)}},
		Outputs: []Value{
			{Name: "y", Type: pt.Float32, Dims: []Dim{{Name: "N"}, {Size: 2}, {Name: "H"}}},
			{Name: "one", Type: pt.Int64},
		},
		Nodes: []Node{
			{Op: "Conv", Name: "main.0", Inputs: []string{"x", "w.weight", ""}, Outputs: []string{"h"},
				Attrs: []Attr{Int("group", 1), Ints("pads", 0, 1, 0, 300), Ints("strides", 2, 2)}},
			{Op: "LeakyRelu", Inputs: []string{"h"}, Outputs: []string{"a"}, Attrs: []Attr{Float("alpha", 0.2)}},
			{Op: "Resize", Name: "ü", Inputs: []string{"a", "roi", "scales"}, Outputs: []string{"r"},
				Attrs: []Attr{String("mode", "nearest")}},
			{Op: "ReduceMean", Inputs: []string{"r"}, Outputs: []string{"y"}, Attrs: []Attr{Ints("axes", -1), Int("keepdims", 0)}},
		},
		Initializers: []Tensor{
			FromPT("w.weight", pt.Of(weight, 2, 1, 2, 3)),
			FromPT("roi", pt.Of([]float32{})),
			FromPT("scales", pt.Of([]float32{1, 1, 2, 2})),
			FromPT("one", pt.Scalar[int64](-3)),
		},
		Metadata: [][2]string{{"step", "1800"}, {"a", ""}},
	}
}

func encoded(t *testing.T, m *Model) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, Write(&buf, m))
	return buf.Bytes()
}

// The official library makes the same bytes of the same model.
func TestSameBytesAsTheOnnxPackage(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "golden.onnx"))
	require.NoError(t, err)
	assert.Equal(t, hex.Dump(want), hex.Dump(encoded(t, goldenModel())))

	path := filepath.Join(t.TempDir(), "x.onnx")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	require.NoError(t, WriteFile(path, goldenModel()))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, file)
}

// message is a protobuf message by field numbers: uint64 for a varint, uint32 for four bytes, []byte for what has a length.
type message map[protowire.Number][]any

func parse(t *testing.T, b []byte) message {
	t.Helper()
	out := message{}
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		require.Positive(t, n)
		b = b[n:]
		var v any
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			v, n = protowire.ConsumeFixed32(b)
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(b)
		default:
			require.Fail(t, "wire type", "%v in field %d", kind, field)
		}
		require.Positive(t, n, "field %d", field)
		b = b[n:]
		out[field] = append(out[field], v)
	}
	return out
}

// at follows field numbers down to the one message there.
func (m message) at(t *testing.T, path ...protowire.Number) message {
	t.Helper()
	for _, field := range path {
		require.Len(t, m[field], 1)
		m = parse(t, m[field][0].([]byte))
	}
	return m
}

func text(s string) []any { return []any{[]byte(s)} }

func numbers(v ...uint64) []any {
	var out []any
	for _, x := range v {
		out = append(out, x)
	}
	return out
}

// The numbers of fields and types here are read off onnx.proto, not off the writer.
func TestFields(t *testing.T) {
	model := parse(t, encoded(t, goldenModel()))
	assert.Equal(t, numbers(8), model[1], "ir_version")
	assert.Equal(t, text("forger"), model[2])
	assert.Equal(t, text("1.2"), model[3])
	assert.Equal(t, message{2: numbers(17)}, model.at(t, 8), "opset_import of the default domain")
	require.Len(t, model[14], 2)
	assert.Equal(t, message{1: text("step"), 2: text("1800")}, parse(t, model[14][0].([]byte)))

	graph := model.at(t, 7)
	assert.Equal(t, text("net"), graph[2])
	require.Len(t, graph[1], 4)
	conv := parse(t, graph[1][0].([]byte))
	assert.Equal(t, []any{[]byte("x"), []byte("w.weight"), []byte("")}, conv[1])
	assert.Equal(t, text("h"), conv[2])
	assert.Equal(t, text("main.0"), conv[3])
	assert.Equal(t, text("Conv"), conv[4])
	require.Len(t, conv[5], 3)
	pads := parse(t, conv[5][1].([]byte))
	assert.Equal(t, message{1: text("pads"), 8: numbers(0, 1, 0, 300), 20: numbers(7)}, pads)
	relu := parse(t, graph[1][1].([]byte))
	assert.Equal(t, message{1: text("alpha"), 2: []any{uint32(0x3e4ccccd)}, 20: numbers(1)}, relu.at(t, 5))
	assert.NotContains(t, relu, protowire.Number(3), "no name")

	mean := parse(t, graph[1][3].([]byte))
	require.Len(t, mean[5], 2)
	assert.Equal(t, message{1: text("axes"), 8: numbers(1<<64 - 1), 20: numbers(7)}, parse(t, mean[5][0].([]byte)))
	assert.Equal(t, message{1: text("keepdims"), 3: numbers(0), 20: numbers(2)}, parse(t, mean[5][1].([]byte)))

	require.Len(t, graph[5], 4)
	scales := parse(t, graph[5][2].([]byte))
	var raw []byte
	for _, v := range []uint32{0x3f800000, 0x3f800000, 0x40000000, 0x40000000} {
		raw = binary.LittleEndian.AppendUint32(raw, v)
	}
	assert.Equal(t, message{1: numbers(4), 2: numbers(1), 8: text("scales"), 9: {raw}}, scales)
	one := parse(t, graph[5][3].([]byte))
	assert.Equal(t, message{2: numbers(7), 8: text("one"), 9: {[]byte("\xfd\xff\xff\xff\xff\xff\xff\xff")}}, one)

	shape := graph.at(t, 11, 2, 1, 2)
	require.Len(t, shape[1], 4)
	assert.Equal(t, message{2: text("N")}, parse(t, shape[1][0].([]byte)))
	assert.Equal(t, message{1: numbers(200)}, parse(t, shape[1][3].([]byte)))
	require.Len(t, graph[12], 2)
	scalar := parse(t, graph[12][1].([]byte)).at(t, 2, 1)
	assert.Equal(t, message{1: numbers(7), 2: {[]byte{}}}, scalar, "int64 with a shape of no dimensions")
}

func TestSameModelSameBytes(t *testing.T) {
	first := encoded(t, goldenModel())
	for range 5 {
		require.Equal(t, first, encoded(t, goldenModel()))
	}
}

// Optional inputs and outputs are left out by an empty name, in front of others too, and as often as one likes.
func TestEmptyNames(t *testing.T) {
	m := goldenModel()
	m.Nodes = append(m.Nodes,
		Node{Op: "LSTM", Inputs: []string{"x", "", "scales"}, Outputs: []string{"", "state"}},
		Node{Op: "LSTM", Outputs: []string{"", "", "cell"}})
	graph := parse(t, encoded(t, m)).at(t, 7)
	require.Len(t, graph[1], 6)
	assert.Equal(t, message{1: {[]byte("x"), []byte{}, []byte("scales")}, 2: {[]byte{}, []byte("state")}, 4: text("LSTM")},
		parse(t, graph[1][4].([]byte)))
	assert.Equal(t, message{2: {[]byte{}, []byte{}, []byte("cell")}, 4: text("LSTM")}, parse(t, graph[1][5].([]byte)))
}
