package pt

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDictKeepsOrder(t *testing.T) {
	d := NewOrderedDict()
	d.Set("b", 1)
	d.SetInt(7, "seven")
	d.Set("a", 2)
	d.Set("b", 3)
	d.Set("7", "text")
	assert.Equal(t, []any{"b", int64(7), "a", "7"}, d.Keys())
	assert.Equal(t, 4, d.Len())
	v, ok := d.Get("b")
	assert.True(t, ok)
	assert.Equal(t, 3, v)
	v, ok = d.getInt(7)
	assert.True(t, ok)
	assert.Equal(t, "seven", v)
	_, ok = d.Get("c")
	assert.False(t, ok)
	var values []any
	for k, v := range d.All() {
		if k == "a" {
			break
		}
		values = append(values, v)
	}
	assert.Equal(t, []any{3, "seven"}, values)
}

func TestDTypeNames(t *testing.T) {
	assert.Len(t, DTypes(), 22)
	for _, d := range DTypes() {
		back, err := parseDType("torch." + d.String())
		require.NoError(t, err)
		assert.Equal(t, d, back)
		assert.Positive(t, d.Size())
	}
	assert.Equal(t, "bfloat16", BFloat16.String())
	assert.Equal(t, 2, BFloat16.Size())
	assert.Equal(t, "DType(200)", DType(200).String())
	assert.Zero(t, DType(0).Size())
	_, err := parseDType("float12")
	assert.ErrorContains(t, err, `unknown dtype "float12": have float32 float64`)
}

func TestOfAndValues(t *testing.T) {
	a := Of([]int16{-2, 300}, 1, 2)
	assert.Equal(t, &Tensor{DType: Int16, Shape: []int{1, 2}, Data: []byte{0xfe, 0xff, 0x2c, 0x01}}, a)
	values, err := Values[int16](a)
	require.NoError(t, err)
	assert.Equal(t, []int16{-2, 300}, values)
	_, err = Values[int32](a)
	assert.EqualError(t, err, "pt: values: the tensor is int16, not int32")
	assert.Empty(t, Scalar[float32](1).Shape)
	assert.Equal(t, 1, Scalar(true).Numel())
	assert.Error(t, (&Tensor{DType: Int8, Shape: []int{3}}).ReadInto(make([]byte, 3)))
}

func weights(names ...string) *Dict {
	d := NewOrderedDict()
	for _, name := range names {
		d.Set(name, Of([]float32{1, 2}))
	}
	return d
}

func TestMatch(t *testing.T) {
	have := weights("a", "b", "x", "y")
	have.Set("n", int64(1))
	want := []Param{{"a", []int{2}}, {"b", []int{1, 2}}, {"c", []int{2}}, {"n", []int{}}}
	err := Match(have, want)
	var mismatch *MismatchError
	require.ErrorAs(t, err, &mismatch)
	assert.Equal(t, []string{"c"}, mismatch.Missing)
	assert.Equal(t, []string{"x", "y"}, mismatch.Unexpected)
	assert.Equal(t, []string{"b: has [2], needs [1 2]", "n: is an int, needs []"}, mismatch.Misshapen)
	assert.EqualError(t, err, "the state dict does not fit: 1 missing (c), 2 unexpected (x, y), "+
		"2 misshapen (b: has [2], needs [1 2], n: is an int, needs [])")
	assert.NoError(t, Match(weights("a"), want[:1]))
	assert.ErrorContains(t, Match(weights(), []Param{{"a", nil}, {"b", nil}, {"c", nil}, {"d", nil}, {"e", nil}}), "5 missing (a, b, c, d, ...)")
}

func TestStateDict(t *testing.T) {
	plain := weights("a", "b")
	got, err := StateDict(plain)
	require.NoError(t, err)
	assert.Same(t, plain, got)

	got, err = StateDict(weights("module.a", "module.module.b"))
	require.NoError(t, err)
	assert.Equal(t, []any{"a", "module.b"}, got.Keys())
	assert.True(t, got.Ordered)
	mixed := weights("module.a", "b")
	assert.Same(t, mixed, TrimPrefix(mixed, "module."), "a network with a part named module keeps its names")

	checkpoint := NewDict()
	checkpoint.Set("step", int64(3))
	checkpoint.Set("generator", plain)
	checkpoint.Set("state_dict", weights("other"))
	got, err = StateDict(checkpoint, "absent", "generator")
	require.NoError(t, err)
	assert.Same(t, plain, got)

	_, err = StateDict([]any{})
	assert.EqualError(t, err, "pt: state dict: the file holds a list, not a state dict: save net.state_dict()")
	empty := NewDict()
	empty.Set("step", int64(3))
	_, err = StateDict(empty, "generator")
	assert.EqualError(t, err, "pt: state dict: no tensors under generator or state_dict: the file has step: save net.state_dict()")

	root, err := Load(testFile("parallel.pt")) // a real DataParallel's
	require.NoError(t, err)
	got, err = StateDict(root)
	require.NoError(t, err)
	assert.Equal(t, []any{"weight", "bias"}, got.Keys())
}

func TestAt(t *testing.T) {
	root, err := Load(testFile("adam.pt"))
	require.NoError(t, err)
	lr, err := At[float64](root, "param_groups", 0, "lr")
	require.NoError(t, err)
	assert.Equal(t, 2e-4, lr)
	beta, err := At[float64](root, "param_groups", 0, "betas", 1)
	require.NoError(t, err)
	assert.Equal(t, .999, beta)
	step, err := At[*Tensor](root, "state", 0, "step")
	require.NoError(t, err)
	values, err := Values[float32](step)
	require.NoError(t, err)
	assert.Equal(t, []float32{3}, values)

	_, err = At[string](root, "param_groups", 0, "lr")
	assert.EqualError(t, err, "pt: param_groups.0.lr: is a float, not a string")
	for _, path := range [][]any{{"state", 99}, {"state", "x"}, {"param_groups", 1}, {"param_groups", -1}, {"state", 0, "step", 0}} {
		_, err = At[*Tensor](root, path...)
		assert.ErrorContains(t, err, "not there")
	}
}
