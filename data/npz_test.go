package data_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"forger/data"
)

func npzFile(name string) string { return filepath.Join("testdata", "npz", name) }

// numbers are the arrays of an .npz as scripts/golden_npz.py lists them.
func numbers(t *testing.T, path string) map[string]data.Array {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var lists map[string][2]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &lists))
	arrays := map[string]data.Array{}
	for name, list := range lists {
		a := data.Array{Name: name}
		require.NoError(t, json.Unmarshal(list[0], &a.Shape))
		if string(list[1]) == "[]" {
			list[1] = nil
		} else {
			require.NoError(t, json.Unmarshal(list[1], &a.Values))
		}
		arrays[name] = a
	}
	return arrays
}

// same demands the same bits: -0 is not 0.
func same(t *testing.T, want, got data.Array) {
	t.Helper()
	assert.Equal(t, want.Name, got.Name)
	assert.Equal(t, append([]int{}, want.Shape...), append([]int{}, got.Shape...), got.Name)
	require.Len(t, got.Values, len(want.Values), got.Name)
	for i, v := range want.Values {
		assert.Equal(t, math.Float64bits(v), math.Float64bits(got.Values[i]), "%s: %d", got.Name, i)
	}
}

func TestReadsWhatNumPySaved(t *testing.T) {
	for name, keys := range map[string][]string{"fid": {"mu", "sigma"}, "clean": {"sigma", "mu"}, "stored": {"mu", "scalar", "empty"}} {
		want := numbers(t, npzFile(name+".json"))
		arrays, err := data.ReadNPZ(npzFile(name+".npz"), keys...)
		require.NoError(t, err)
		require.Len(t, arrays, len(keys))
		for i, key := range keys {
			same(t, want[key], arrays[i])
		}
	}
}

// What Go writes, NumPy and Go read to the same bits.
func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats.npz")
	written := []data.Array{
		{Name: "mu", Shape: []int{2}, Values: []float64{math.Pi, math.Copysign(0, -1)}},
		{Name: "sigma", Shape: []int{2, 2}, Values: []float64{1, math.SmallestNonzeroFloat64, -1e300, math.Nextafter(1, 2)}},
		{Name: "none", Shape: []int{0, 3}}, {Name: "one", Values: []float64{5}},
	}
	require.NoError(t, data.WriteNPZ(path, written...))
	arrays, err := data.ReadNPZ(path, "mu", "sigma", "none", "one")
	require.NoError(t, err)
	for i := range written {
		same(t, written[i], arrays[i])
	}
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, data.WriteNPZ(path, written...))
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(first, again), "the same numbers make the same bytes")

	python := os.Getenv("FORGER_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: FORGER_PYTHON names no interpreter: what Go writes is not checked against NumPy")
	}
	out, err := exec.Command(python, "-c", `
import json, sys
import numpy as np
with np.load(sys.argv[1]) as f:
    assert f.files == ["mu", "sigma", "none", "one"], f.files
    assert all(f[k].dtype == np.float64 and f[k].flags.c_contiguous for k in f.files)
    json.dump({k: [list(f[k].shape), f[k].ravel().tolist()] for k in f.files}, open(sys.argv[1] + ".json", "w"))
`, path).CombinedOutput()
	require.NoError(t, err, string(out))
	seen := numbers(t, path+".json")
	for _, a := range written {
		same(t, a, seen[a.Name])
	}
}

func TestNPZNamesWhatIsWrong(t *testing.T) {
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "x.npz")
		require.NoError(t, os.WriteFile(path, content, 0o644))
		return path
	}
	whole, err := os.ReadFile(npzFile("stored.npz"))
	require.NoError(t, err)
	at := bytes.Index(whole, []byte("\x93NUMPY")) + 128 // the scalar's number
	flipped := bytes.Clone(whole)
	flipped[at] ^= 1
	longer := bytes.Replace(whole, []byte("'shape': (3,), "), []byte("'shape': (2,), "), 1)
	huge := bytes.Replace(whole, []byte("'shape': (3,), "), []byte("'shape': (1<), "), 1)
	many := bytes.Replace(whole, []byte("'shape': (3,), }      "), []byte("'shape': (99999999,),}"), 1)
	for _, c := range []struct{ path, name, want string }{
		{filepath.Join(t.TempDir(), "gone.npz"), "mu", "gone.npz: no such file or directory"},
		{t.TempDir(), "mu", "not a file"},
		{filepath.Join("testdata", "npy", "points.npy"), "mu", "points.npy: not a zip archive, or a truncated one: write it with numpy.savez"},
		{file(whole[:len(whole)/2]), "mu", "not a zip archive, or a truncated one"},
		{npzFile("fid.npz"), "mean", `no array named mean, it has "mu", "sigma": save it with numpy.savez(FILE, mean=...)`},
		{npzFile("odd.npz"), "count", `count: numbers of type "<i8": save it as float64`},
		{npzFile("odd.npz"), "big", `big: numbers of type ">f8": save it as float64`},
		{npzFile("odd.npz"), "turned", "turned: in Fortran order: convert with numpy.ascontiguousarray"},
		{file(flipped), "scalar", "scalar: checksum error: get it again"},
		{file(longer), "mu", "mu: more follows its numbers: write it again"},
		{file(huge), "mu", `mu: shape "1<": not understood`},
		{file(many), "mu", "mu: shape [99999999]: too large"}, // for a file of its size, however it is compressed
	} {
		_, err := data.ReadNPZ(c.path, c.name)
		require.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, "data: read ")
		assert.NotContains(t, err.Error(), "\n")
	}
	path := filepath.Join(t.TempDir(), "x.npz")
	assert.EqualError(t, data.WriteNPZ(path, data.Array{Name: "mu", Shape: []int{2, 2}, Values: make([]float64, 3)}),
		"data: "+path+": mu: shape [2 2] and 3 numbers do not belong together")
	_, err = os.Stat(path)
	assert.True(t, errors.Is(err, fs.ErrNotExist), "nothing half-written")
}
