package pt

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// golden is a value as scripts/golden_pt.py describes it.
type golden struct {
	Type   string          `json:"type"`
	DType  string          `json:"dtype"`
	Shape  []int           `json:"shape"`
	Hex    string          `json:"hex"`
	Values []float64       `json:"values"`
	Value  any             `json:"value"`
	Items  json.RawMessage `json:"items"`
}

func testFile(name string) string { return filepath.Join("testdata", name) }

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	text, err := os.ReadFile(testFile(name + ".json"))
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(text, &g))
	return g
}

// Every file that a real PyTorch wrote is read to the value it was saved from.
func TestReadsWhatPyTorchWrote(t *testing.T) {
	names := append(besides, "net", "adam", "nested", "views", "dtypes", "parameter", "parallel")
	others, err := filepath.Glob(testFile("*-2.*.json")) // by other versions of PyTorch
	require.NoError(t, err)
	require.Len(t, others, 4, "net and adam of PyTorch 2.7 and 2.15")
	for _, path := range others {
		name := filepath.Base(path)
		names = append(names, name[:len(name)-len(".json")])
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			want := readGolden(t, name)
			f, err := Open(testFile(name + ".pt"))
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			same(t, want, f.Root(), "")
			require.NoError(t, f.Verify())

			loaded, err := Load(testFile(name + ".pt"))
			require.NoError(t, err)
			same(t, want, loaded, "")
		})
	}
}

// What was read and written again reads the same, with and without going through memory.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"net", "adam", "nested", "views", "dtypes", "parameter", "parallel", "attributes", "newer", "unchecked"} {
		t.Run(name, func(t *testing.T) {
			want := readGolden(t, name)
			f, err := Open(testFile(name + ".pt"))
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			loaded, err := Load(testFile(name + ".pt"))
			require.NoError(t, err)
			for kind, root := range map[string]any{"from the file": f.Root(), "from memory": loaded} {
				path := filepath.Join(t.TempDir(), "again.pt")
				require.NoError(t, WriteFile(path, root), kind)
				again, err := Load(path)
				require.NoError(t, err, kind)
				same(t, want, again, "")
			}
		})
	}
}

func same(t *testing.T, want golden, got any, at string) {
	t.Helper()
	switch want.Type {
	case "tensor":
		sameTensor(t, want, got, at)
	case "dict", "OrderedDict":
		d, ok := got.(*Dict)
		require.True(t, ok, "%s: %T", at, got)
		assert.Equal(t, want.Type == "OrderedDict", d.Ordered, at)
		sameItems(t, want, d, at)
	case "list":
		items, ok := got.([]any)
		require.True(t, ok, "%s: %T", at, got)
		sameList(t, want, items, at)
	case "tuple":
		items, ok := got.(Tuple)
		require.True(t, ok, "%s: %T", at, got)
		sameList(t, want, items, at)
	case "opaque":
		assert.IsType(t, &opaque{}, got, at)
	default:
		assert.Equal(t, plain(t, want), got, at)
	}
}

func plain(t *testing.T, want golden) any {
	t.Helper()
	switch want.Type {
	case "float":
		v, err := strconv.ParseFloat(want.Value.(string), 64)
		require.NoError(t, err)
		return v
	case "int":
		v, err := strconv.ParseInt(want.Value.(string), 10, 64)
		if err == nil {
			return v
		}
		u, err := strconv.ParseUint(want.Value.(string), 10, 64)
		require.NoError(t, err)
		return u
	case "dtype":
		d, err := parseDType(want.Value.(string))
		require.NoError(t, err)
		return d
	}
	return want.Value
}

func sameItems(t *testing.T, want golden, d *Dict, at string) {
	t.Helper()
	var items [][2]json.RawMessage
	require.NoError(t, json.Unmarshal(want.Items, &items))
	require.Equal(t, len(items), d.Len(), at)
	keys := d.Keys()
	for i, item := range items {
		var key any
		require.NoError(t, json.Unmarshal(item[0], &key))
		if number, ok := key.(float64); ok {
			key = int64(number)
		}
		if _, unread := key.(map[string]any); unread {
			require.IsType(t, &opaque{}, keys[i], at)
			key = keys[i]
		}
		require.Equal(t, key, keys[i], at)
		v, ok := d.get(key)
		require.True(t, ok)
		var inner golden
		require.NoError(t, json.Unmarshal(item[1], &inner))
		same(t, inner, v, fmt.Sprint(at, ".", key))
	}
}

func sameList(t *testing.T, want golden, items []any, at string) {
	t.Helper()
	var inner []golden
	require.NoError(t, json.Unmarshal(want.Items, &inner))
	require.Len(t, items, len(inner), at)
	for i := range inner {
		same(t, inner[i], items[i], fmt.Sprint(at, ".", i))
	}
}

func sameTensor(t *testing.T, want golden, got any, at string) {
	t.Helper()
	tensor, ok := got.(*Tensor)
	require.True(t, ok, "%s: %T", at, got)
	assert.Equal(t, want.DType, tensor.DType.String(), at)
	assert.Equal(t, want.Shape, tensor.Shape, at)
	data, err := tensor.Bytes()
	require.NoError(t, err, at)
	assert.Equal(t, want.Hex, hex.EncodeToString(data), at)
	if want.Values != nil {
		assert.Equal(t, want.Values, floats(t, tensor), at)
	}
}

func floats(t *testing.T, tensor *Tensor) []float64 {
	t.Helper()
	switch tensor.DType {
	case Float32:
		return convert[float32](t, tensor)
	case Float64:
		return convert[float64](t, tensor)
	case Int64:
		return convert[int64](t, tensor)
	case Int32:
		return convert[int32](t, tensor)
	}
	return convert[uint8](t, tensor)
}

func convert[T float32 | float64 | int64 | int32 | uint8](t *testing.T, tensor *Tensor) []float64 {
	t.Helper()
	values, err := Values[T](tensor)
	require.NoError(t, err)
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// Files that hold more than values, or that are no files of torch.save, are refused with the reason and the remedy.
func TestRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"runs.pt":      "refuses to run posix.system: ",
		"module.pt":    "refuses to run torch.nn.modules.linear.Linear: ",
		"protocol4.pt": "pickle protocol 4",
		"legacy.pt":    "legacy format of before 1.6: convert it in Python: torch.save(torch.load(",
		"script.pt":    "TorchScript file: convert it in Python: torch.save(torch.jit.load(",
		"net.json":     "not a file of torch.save",
		"absent.pt":    "no such file",
		".":            "not a regular file",
	} {
		_, err := Load(testFile(name))
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), want, name)
		assert.Contains(t, err.Error(), "pt: load testdata", name)
		assert.NotContains(t, err.Error(), "\n", name)
		_, err = Open(testFile(name))
		require.Error(t, err, name)
	}
}
