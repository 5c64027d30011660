package onnx

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"forger/torch/pt"
)

// spoilt are models that a reader would refuse, and what is said of them.
var spoilt = map[string]func(m *Model){
	`the graph has no name: set Model.Name`:               func(m *Model) { m.Name = "" },
	`"\xff" is not UTF-8: rename it`:                      func(m *Model) { m.Producer = "\xff" },
	`metadata: "\xfe" is not UTF-8`:                       func(m *Model) { m.Metadata[0][1] = "\xfe" },
	`metadata: the key "step" is there twice`:             func(m *Model) { m.Metadata[1][0] = "step" },
	`graph input 0 "": it has no name: give it one`:       func(m *Model) { m.Inputs[0].Name = "" },
	`graph input 0 "x": it has no type: set one`:          func(m *Model) { m.Inputs[0].Type = 0 },
	`graph input 0 "x": float8_e4m3fn has no place in IR`: func(m *Model) { m.Inputs[0].Type = pt.Float8E4M3FN },
	`dimension 1 is {Size:0 Name:}: give it a size`:       func(m *Model) { m.Inputs[0].Dims[1] = Dim{} },
	`dimension 1 is {Size:-1 Name:}`:                      func(m *Model) { m.Inputs[0].Dims[1] = Dim{Size: -1} },
	`dimension 1 is {Size:-1 Name:C}`:                     func(m *Model) { m.Inputs[0].Dims[1] = Dim{-1, "C"} },
	`dimension 0 is {Size:3 Name:N}`:                      func(m *Model) { m.Inputs[0].Dims[0].Size = 3 },
	`graph input 0 "\xff": "\xff" is not UTF-8`:           func(m *Model) { m.Inputs[0].Name = "\xff" },
	`initializer 1 "\xff": "\xff" is not UTF-8`:           func(m *Model) { m.Initializers[1].Name = "\xff" },
	`graph input 0 "x": "\xff" is not UTF-8`:              func(m *Model) { m.Inputs[0].Dims[0].Name = "\xff" },
	`"x" is defined twice, by graph input 0 and graph input 1: rename one`: func(m *Model) {
		m.Inputs = append(m.Inputs, m.Inputs[0])
	},
	`"x" is defined twice, by graph input 0 and initializer 1`:   func(m *Model) { m.Initializers[1].Name = "x" },
	`"roi" is defined twice, by initializer 1 and initializer 2`: func(m *Model) { m.Initializers[2].Name = "roi" },
	`initializer 0 has no name`:                                  func(m *Model) { m.Initializers[0].Name = "" },
	`initializer 0 "w.weight": it has no elements`:               func(m *Model) { m.Initializers[0].Bytes = nil },
	`initializer 0 "w": it has no type`:                          func(m *Model) { m.Initializers[0] = FromPT("w", nil) },
	`initializer 0 "w.weight": it has no type: set one`:          func(m *Model) { m.Initializers[0].DType = 200 },
	`initializer 0 "w.weight": shape [2 -1] has a negative`:      func(m *Model) { m.Initializers[0].Shape = []int{2, -1} },
	`initializer 0 "w.weight": shape [4611686018427387904 2]`: func(m *Model) {
		m.Initializers[0].Shape = []int{1 << 62, 2}
	},
	`node 1 ("LeakyRelu") reads "a", which node 1 ("LeakyRelu") makes`: func(m *Model) { m.Nodes[1].Inputs[0] = "a" },
	`node 0 ("LeakyRelu") reads "h", which node 1 ("Conv", "main.0") makes, not a node before it: order the nodes`: func(m *Model) {
		m.Nodes[0], m.Nodes[1] = m.Nodes[1], m.Nodes[0]
	},
	`node 0 ("Conv", "main.0") reads "z", which nothing defines: name an input, an init`: func(m *Model) { m.Nodes[0].Inputs[0] = "z" },
	`"h" is defined twice, by node 0 ("Conv", "main.0") and node 1 ("LeakyRelu")`:        func(m *Model) { m.Nodes[1].Outputs[0] = "h" },
	`"x" is defined twice, by graph input 0 and node 1`:                                  func(m *Model) { m.Nodes[1].Outputs[0] = "x" },
	`node 2 ("Resize", "main.0") has the name of node 0`:                                 func(m *Model) { m.Nodes[2].Name = "main.0" },
	`node 1 (""): it has no operator: set Node.Op`:                                       func(m *Model) { m.Nodes[1].Op = "" },
	`node 1 ("LeakyRelu"): it has no outputs: name one`:                                  func(m *Model) { m.Nodes[1].Outputs = []string{""} },
	`node 1 ("LeakyRelu"): "\xff" is not UTF-8`:                                          func(m *Model) { m.Nodes[1].Inputs[0] = "\xff" },
	`an attribute "" has no name or no value: make it with Int`:                          func(m *Model) { m.Nodes[1].Attrs[0] = Attr{} },
	`node 0 ("Conv", "main.0"): the attribute "pads" is there twice`:                     func(m *Model) { m.Nodes[0].Attrs[0] = Int("pads", 1) },
	`node 2 ("Resize", "ü"): "\xff" is not UTF-8`:                                        func(m *Model) { m.Nodes[2].Attrs[0] = String("mode", "\xff") },
	`the graph has no outputs`:                                                           func(m *Model) { m.Outputs = nil },
	`graph output 0 is "z", which nothing defines`:                                       func(m *Model) { m.Outputs[0].Name = "z" },
	`graph output 1 "y" is there twice: keep one`:                                        func(m *Model) { m.Outputs[1].Name = "y" },
	`graph output 1 "one": it has no type`:                                               func(m *Model) { m.Outputs[1].Type = 0 },
}

// Nothing is written of a model that is refused, and the error names what is wrong with it.
func TestRefusesHostileModels(t *testing.T) {
	for want, spoil := range spoilt {
		m := goldenModel()
		spoil(m)
		refused(t, m, want, 0)
	}
	refused(t, nil, "there is no model", 0)
	refused(t, &Model{}, "the graph has no name", 0)
}

// refused demands an error of one line, at most `most` bytes written, and no file.
func refused(t *testing.T, m *Model, want string, most int) {
	t.Helper()
	var buf bytes.Buffer
	err := Write(&buf, m)
	require.ErrorContains(t, err, want)
	assert.True(t, strings.HasPrefix(err.Error(), "onnx: write: "), err)
	assert.NotContains(t, err.Error(), "\n")
	assert.LessOrEqual(t, buf.Len(), most, want)

	dir := t.TempDir()
	path := filepath.Join(dir, "x.onnx")
	require.ErrorContains(t, WriteFile(path, m), "onnx: write "+path+": ")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, want)
}

func TestElementsThatFail(t *testing.T) {
	for _, n := range []int{0, 47, 49} {
		m := goldenModel()
		m.Initializers[0].Bytes = func() ([]byte, error) { return make([]byte, n), nil }
		refused(t, m, `initializer "w.weight": float32 [2 1 2 3] takes 48 bytes, Bytes gave `, 0)
	}
	lost := errors.New("device lost")
	m := goldenModel()
	m.Initializers[3].Bytes = func() ([]byte, error) { return nil, lost }
	refused(t, m, `initializer "one": device lost`, 0)
	require.ErrorIs(t, Write(io.Discard, m), lost)
}

// failing takes n bytes and then fails.
type failing struct {
	n   int
	err error
}

func (w *failing) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, w.err
	}
	return len(p), nil
}

// A disk that is full is reported wherever in the file it happens.
func TestFullDisk(t *testing.T) {
	full := errors.New("disk full")
	m := goldenModel()
	large := make([]byte, 200<<10) // more than the buffer
	m.Initializers = append(m.Initializers, FromPT("large", &pt.Tensor{DType: pt.Uint8, Shape: []int{len(large)}, Data: large}))
	size := len(encoded(t, m))
	for n := 0; n < size; n += 997 {
		require.ErrorIs(t, Write(&failing{n, full}, m), full, n)
	}
	require.ErrorIs(t, Write(&failing{size - 1, full}, m), full)
	require.NoError(t, Write(&failing{size, full}, m))
}

// The limit is protobuf's to the byte. Elements come from one small buffer, so the test takes no memory.
func TestLimit(t *testing.T) {
	shared := make([]byte, 16<<20)
	m := &Model{Name: "large", Outputs: []Value{{Name: "last", Type: pt.Uint8, Dims: []Dim{{Size: 1}}}}}
	grow := func(name string, n int) {
		m.Initializers = append(m.Initializers, FromPT(name, &pt.Tensor{DType: pt.Uint8, Shape: []int{n}, Data: shared[:n]}))
	}
	for i := range 127 {
		grow(string(rune('A'+i)), len(shared))
	}
	grow("last", 1<<23)
	written := func() int64 {
		n := counter(0)
		require.NoError(t, Write(&n, m))
		return int64(n)
	}
	rest := math.MaxInt32 - written()
	m.Initializers = m.Initializers[:127]
	grow("last", 1<<23+int(rest))
	require.Equal(t, int64(math.MaxInt32), written())

	m.Name += "r"
	refused(t, m, "the model takes 2147483648 bytes: protobuf, and so ONNX, allows 2147483647 bytes: store the weights as float16", 0)
	require.ErrorIs(t, Write(io.Discard, m), errTooLarge)
	for _, shape := range [][]int{{1 << 31}, {math.MaxInt64}, {math.MaxInt64, math.MaxInt64}, {1 << 40, 1 << 40, 0}} {
		m.Initializers[0].Shape = shape
		m.Initializers[1].Shape = shape
		require.ErrorIs(t, Write(io.Discard, m), errTooLarge)
	}
}

type counter int64

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}
