package onnx

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"forger/torch/pt"
)

// maker makes models that are nearly right: names from so small a stock that they meet, with a slip now and then.
type maker struct {
	next func(n int) int // a choice among n
	made []string        // names used so far
}

func (k *maker) slip() bool { return k.next(24) == 23 }

// fresh is a name that is mostly new.
func (k *maker) fresh() string {
	name := string(rune('a' + len(k.made)%26))
	switch {
	case k.slip():
		name = k.known()
	case k.slip():
		name = []string{"", "\xff"}[k.next(2)]
	}
	k.made = append(k.made, name)
	return name
}

// known is a name that mostly exists.
func (k *maker) known() string {
	if len(k.made) == 0 || k.slip() {
		return string(rune('a' + k.next(26)))
	}
	return k.made[k.next(len(k.made))]
}

func (k *maker) value(name string) Value {
	v := Value{Name: name, Type: pt.DType(1 + k.next(15)), Dims: Shape("N", 1+k.next(300))}
	if k.slip() {
		v.Type = pt.DType(k.next(20))
	}
	if k.slip() {
		v.Dims[k.next(2)].Size = k.next(3) - 1
	}
	return v
}

func (k *maker) tensor() Tensor {
	t := &pt.Tensor{DType: pt.DType(1 + k.next(15))}
	for range k.next(4) {
		t.Shape = append(t.Shape, k.next(4))
	}
	t.Data = make([]byte, t.NumBytes())
	for i := range t.Data {
		t.Data[i] = byte(k.next(256))
	}
	if k.slip() {
		t.Data = append(t.Data, 0)
	}
	if k.slip() {
		t.Shape = append(t.Shape, k.next(3)-1)
	}
	return FromPT(k.fresh(), t)
}

func (k *maker) node() Node {
	n := Node{Op: "Op"}
	if k.slip() {
		n.Op = ""
	}
	for range k.next(4) {
		n.Inputs = append(n.Inputs, k.known())
	}
	for range 1 + k.next(2) {
		n.Outputs = append(n.Outputs, k.fresh())
	}
	for _, a := range []Attr{Int("i", k.next(9)-4), Ints("is", k.next(9), -1), Float("f", float32(k.next(9))), String("s", "x"), {}} {
		if k.next(30) > 26 && (a.name != "" || k.slip()) {
			n.Attrs = append(n.Attrs, a)
		}
	}
	return n
}

func (k *maker) model() *Model {
	m := &Model{Name: "g"}
	for range k.next(3) {
		m.Inputs = append(m.Inputs, k.value(k.fresh()))
	}
	for range k.next(3) {
		m.Initializers = append(m.Initializers, k.tensor())
	}
	for range k.next(5) {
		m.Nodes = append(m.Nodes, k.node())
	}
	for range 1 + k.next(2) {
		m.Outputs = append(m.Outputs, k.value(k.known()))
	}
	return m
}

// sound demands that a model is either refused in one line or written so that a reader's rules hold. It reports which.
func sound(t *testing.T, m *Model) bool {
	t.Helper()
	var first, second bytes.Buffer
	if err := Write(&first, m); err != nil {
		require.True(t, strings.HasPrefix(err.Error(), "onnx: write: "), err)
		require.NotContains(t, err.Error(), "\n")
		require.Zero(t, first.Len())
		return false
	}
	require.NoError(t, Write(&second, m))
	require.Equal(t, first.Bytes(), second.Bytes())
	read(t, parse(t, first.Bytes()).at(t, 7))
	return true
}

// sizes are bytes an element, by TensorProto.DataType.
var sizes = map[uint64]int{1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2}

// read goes through a GraphProto as onnx.checker does.
func read(t *testing.T, graph message) {
	t.Helper()
	defined := map[string]bool{}
	define := func(name any) {
		require.NotEmpty(t, name)
		require.False(t, defined[string(name.([]byte))], "single assignment")
		defined[string(name.([]byte))] = true
	}
	for _, v := range graph[11] {
		define(parse(t, v.([]byte))[1][0])
	}
	for _, v := range graph[5] {
		tensor := parse(t, v.([]byte))
		define(tensor[8][0])
		want := sizes[tensor[2][0].(uint64)]
		require.Positive(t, want)
		for _, d := range tensor[1] {
			want *= int(d.(uint64))
		}
		require.Len(t, tensor[9][0], want)
	}
	for _, v := range graph[1] {
		node := parse(t, v.([]byte))
		require.NotEmpty(t, node[4][0])
		for _, name := range node[1] {
			require.True(t, len(name.([]byte)) == 0 || defined[string(name.([]byte))], "%s is read before it is made", name)
		}
		for _, name := range node[2] {
			if len(name.([]byte)) > 0 {
				define(name)
			}
		}
	}
	for _, v := range graph[12] {
		value := parse(t, v.([]byte))
		require.True(t, defined[string(value[1][0].([]byte))], "the output exists")
		require.Len(t, value.at(t, 2, 1, 2)[protowire.Number(1)], 2)
	}
}

func TestModelsByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	written := 0
	const models = 4000
	for range models {
		if sound(t, (&maker{next: rng.IntN}).model()) {
			written++
		}
	}
	assert.Greater(t, written, models/10)
	assert.Less(t, written, models*9/10)
}

func FuzzWrite(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1, 0, 2}, 60))
	f.Fuzz(func(t *testing.T, choices []byte) {
		next := func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			c := int(choices[0]) % n
			choices = choices[1:]
			return c
		}
		sound(t, (&maker{next: next}).model())
	})
}
