package pt

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pythonWithTorch finds the interpreter of scripts/setup's full set, if it has PyTorch: the slim set of a build has not.
func pythonWithTorch(t *testing.T) string {
	t.Helper()
	path := os.Getenv("FORGER_PYTHON")
	if path == "" {
		cache, err := os.UserCacheDir() // $XDG_CACHE_HOME, else ~/.cache
		require.NoError(t, err)
		path = filepath.Join(cache, "forger", "torch-2.11.0", "bin", "python")
	}
	if err := exec.Command(path, "-c", "import torch").Run(); err != nil {
		t.Skipf("SKIPPED: no Python with PyTorch at %s (%v): what Go writes is not checked against PyTorch (set FORGER_PYTHON)", path, err)
	}
	return path
}

// writtenTrees is what PyTorch has to read: every dtype, both kinds of dict, every scalar, and files that PyTorch wrote.
func writtenTrees(t *testing.T) map[string]any {
	t.Helper()
	trees := map[string]any{}
	for _, name := range []string{"net", "adam", "nested", "views", "dtypes", "newer", "parameter"} {
		root, err := Load(testFile(name + ".pt"))
		require.NoError(t, err)
		trees[name] = root
	}
	trees["own"] = ownTree()

	shared, root := Of([]float32{1, 2, 3}), NewDict()
	root.Set("a", shared)
	root.Set("b", shared)
	root.Set("c", &Tensor{DType: Float32, Shape: []int{3, 1}, Data: shared.Data})
	root.Set("d", Of([]float32{1, 2, 3}))
	trees["shared"] = root
	return trees
}

func ownTree() *Dict {
	root := NewDict()
	many := NewOrderedDict() // more than 256 memo entries and 1000 items
	for i := range 1500 {
		many.SetInt(int64(i)-3, float64(i)/7)
	}
	root.Set("many", many)
	root.Set("scalar", Scalar[float32](1.5))
	root.Set("empty", Of([]int64{}))
	root.Set("no elements", &Tensor{DType: Float32, Shape: []int{0, 3}})
	root.Set("text", []any{"", "äöü\n\x00", "text", "text"})
	root.Set("numbers", Tuple{math.Inf(-1), int64(math.MinInt64), uint64(math.MaxUint64), 1 << 40, true, false, nil, Int64})
	root.Set("values", []any{Of([]bool{true, false}), Of([]int16{-5, 9}, 2, 1), Of([]float64{math.Pi}), Of([]uint32{1 << 31})})
	return root
}

// What Go writes, the real PyTorch opens with weights_only=True, memory-mapped too, to the same tree.
func TestPyTorchReads(t *testing.T) {
	python := pythonWithTorch(t)
	dir := t.TempDir()
	trees := writtenTrees(t)
	for name, root := range trees {
		require.NoError(t, WriteFile(filepath.Join(dir, name+".pt"), root))
	}
	writeZip64(t, filepath.Join(dir, "zip64.pt"), trees["net"])
	trees["zip64"] = trees["net"]

	scripts, err := filepath.Abs("../../scripts")
	require.NoError(t, err)
	out, err := exec.Command(python, testFile("check.py"), scripts, dir, "testdata").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, root := range trees {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, name+".json"))
			require.NoError(t, err)
			var seen golden
			require.NoError(t, json.Unmarshal(text, &seen))
			same(t, seen, normal(root), "")
		})
	}
}

// writeZip64 writes every size and offset from 200 bytes on in the form for archives over 4 GB.
func writeZip64(t *testing.T, path string, root any) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	small := func(w io.Writer) *zipWriter { return &zipWriter{w: w, max32: 200} }
	require.NoError(t, write(small, f, root))
	require.NoError(t, f.Close())
}

// normal is a tree as reading gives it: int64 for int.
func normal(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case Tuple:
		out := make(Tuple, len(v))
		for i := range v {
			out[i] = normal(v[i])
		}
		return out
	case *Dict:
		out := &Dict{Ordered: v.Ordered}
		for k, x := range v.All() {
			out.set(k, normal(x))
		}
		return out
	}
	return v
}
