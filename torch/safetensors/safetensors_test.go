package safetensors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"forger/torch/pt"
)

var fixtures = []string{"net", "dtypes", "shapes"}

func testFile(name string) string { return filepath.Join("testdata", name) }

// golden is one tensor as scripts/golden_pt.py describes it.
type golden struct {
	DType  string    `json:"dtype"`
	Shape  []int     `json:"shape"`
	Hex    string    `json:"hex"`
	Values []float64 `json:"values"`
}

// parseTree reads the description of a dict of tensors.
func parseTree(t *testing.T, text []byte) map[string]golden {
	t.Helper()
	var tree struct{ Items [][2]json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &tree))
	out := map[string]golden{}
	for _, item := range tree.Items {
		var name string
		var g golden
		require.NoError(t, json.Unmarshal(item[0], &name))
		require.NoError(t, json.Unmarshal(item[1], &g))
		out[name] = g
	}
	return out
}

func same(t *testing.T, want map[string]golden, got *pt.Dict) {
	t.Helper()
	require.Equal(t, len(want), got.Len())
	for name, g := range want {
		tensor, err := pt.At[*pt.Tensor](got, name)
		require.NoError(t, err)
		assert.Equal(t, g.DType, tensor.DType.String(), name)
		assert.Equal(t, g.Shape, tensor.Shape, name)
		data, err := tensor.Bytes()
		require.NoError(t, err, name)
		assert.Equal(t, g.Hex, hex.EncodeToString(data), name)
		if tensor.DType == pt.Float32 {
			values, err := pt.Values[float32](tensor)
			require.NoError(t, err)
			for i, v := range values {
				assert.Equal(t, g.Values[i], float64(v), name)
			}
		}
	}
}

// Files of the real package are read to their values, and written again to the same bytes.
func TestRealFiles(t *testing.T) {
	for _, name := range append(fixtures, "float8") { // which the package writes and does not read
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(testFile(name + ".json"))
			require.NoError(t, err)
			want := parseTree(t, text)
			path := testFile(name + ".safetensors")
			f, err := Open(path)
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			same(t, want, f.Tensors())
			loaded, err := loadAll(path)
			require.NoError(t, err)
			same(t, want, loaded)

			theirs, err := os.ReadFile(path)
			require.NoError(t, err)
			for kind, tensors := range map[string]*pt.Dict{"file": f.Tensors(), "memory": loaded} {
				var ours bytes.Buffer
				require.NoError(t, writeTo(&ours, tensors, f.Metadata()))
				assert.Equal(t, string(theirs), ours.String(), kind)
			}
		})
	}
	f, err := Open(testFile("net.safetensors"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"note": "gänse \"<&>\"\n\t"}, f.Metadata())
	require.NoError(t, f.Close())
	bias, err := pt.At[*pt.Tensor](f.Tensors(), "conv.bias")
	require.NoError(t, err)
	_, err = bias.Bytes()
	require.ErrorContains(t, err, "file already closed")
}

// A state dict goes from PyTorch's format to this one and back.
func TestFromPyTorchAndBack(t *testing.T) {
	root, err := pt.Load(filepath.Join("..", "pt", "testdata", "net.pt"))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "net.safetensors")
	require.NoError(t, WriteFile(path, root.(*pt.Dict), nil))
	f, err := Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	assert.Nil(t, f.Metadata())
	var again bytes.Buffer
	require.NoError(t, pt.Write(&again, f.Tensors()))
	back, err := pt.NewFile(bytes.NewReader(again.Bytes()), int64(again.Len()))
	require.NoError(t, err)
	require.NoError(t, back.Verify())
	text, err := os.ReadFile(testFile("net.json"))
	require.NoError(t, err)
	same(t, parseTree(t, text), back.Root().(*pt.Dict))
}

// The real package, where it is installed beside PyTorch, reads what Go writes.
func TestRealPackageReads(t *testing.T) {
	python := os.Getenv("FORGER_PYTHON")
	if python == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		python = filepath.Join(cache, "forger", "torch-2.11.0", "bin", "python")
	}
	if err := exec.Command(python, "-c", "import torch, safetensors").Run(); err != nil {
		t.Skipf("SKIPPED: no Python with PyTorch and safetensors at %s (%v): what Go writes is not checked against them", python, err)
	}
	dir := t.TempDir()
	for _, name := range fixtures {
		tensors, err := loadAll(testFile(name + ".safetensors"))
		require.NoError(t, err)
		require.NoError(t, WriteFile(filepath.Join(dir, name+".safetensors"), tensors, map[string]string{"name": name, "\"": "\u2028"}))
	}
	scripts, err := filepath.Abs("../../scripts")
	require.NoError(t, err)
	out, err := exec.Command(python, testFile("check.py"), scripts, dir).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range fixtures {
		text, err := os.ReadFile(filepath.Join(dir, name+".json"))
		require.NoError(t, err)
		var seen struct {
			Metadata map[string]string
			Tree     json.RawMessage
		}
		require.NoError(t, json.Unmarshal(text, &seen))
		assert.Equal(t, map[string]string{"name": name, "\"": "\u2028"}, seen.Metadata)
		tensors, err := loadAll(testFile(name + ".safetensors"))
		require.NoError(t, err)
		same(t, parseTree(t, seen.Tree), tensors)
	}
}

func TestAlignment(t *testing.T) {
	for i := range 9 {
		d := pt.NewDict()
		d.Set("123456789"[:i], pt.Of([]float64{1}))
		d.Set("byte", pt.Of([]uint8{1}))
		var buf bytes.Buffer
		require.NoError(t, writeTo(&buf, d, nil))
		assert.Equal(t, 1, buf.Len()%8, "a header of a multiple of 8, 8 bytes, 1 byte")
	}
}

func TestRefusesToWrite(t *testing.T) {
	numbered := pt.NewDict()
	numbered.SetInt(1, pt.Of([]int8{1}))
	for want, d := range map[string]*pt.Dict{
		"1 holds a *pt.Tensor: only named tensors": numbered,
		"step holds a int64":                       with("step", int64(3)),
		"w holds a *pt.Tensor":                     with("w", (*pt.Tensor)(nil)),
		"__metadata__, which the format keeps":     with(metadataKey, pt.Of([]int8{1})),
		"w: complex128 has no place":               with("w", &pt.Tensor{DType: pt.Complex128, Shape: []int{0}}),
		"w: float32 [2] takes 8 bytes":             with("w", &pt.Tensor{DType: pt.Float32, Shape: []int{2}}),
	} {
		require.ErrorContains(t, writeTo(io.Discard, d, nil), "safetensors: write: ")
		require.ErrorContains(t, writeTo(io.Discard, d, nil), want)
		path := filepath.Join(t.TempDir(), "x")
		require.ErrorContains(t, WriteFile(path, d, nil), "safetensors: write "+path)
		_, err := os.Stat(path)
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	full := errors.New("disk full")
	for n := range 2 {
		require.ErrorIs(t, writeTo(&failing{n, full}, with("w", pt.Of([]int8{1})), nil), full)
	}
}

func with(name string, v any) *pt.Dict {
	d := pt.NewDict()
	d.Set(name, v)
	return d
}

// failing fails after n writes.
type failing struct {
	n   int
	err error
}

func (w *failing) Write(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, w.err
	}
	return len(p), nil
}
