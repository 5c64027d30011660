package torchtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Golden reads a file into v that a script of golden values wrote: scripts/golden.py, or the one that the file names as its
// source. A file from another version of that script is an error: `make golden` writes them all again.
func Golden(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	stamp := struct{ Script, Source string }{Source: "golden.py"}
	require.NoError(t, json.Unmarshal(text, &stamp))
	script, err := os.ReadFile(filepath.Join(Root(t), "scripts", stamp.Source))
	require.NoError(t, err)
	sum := sha256.Sum256(script)
	require.Equal(t, hex.EncodeToString(sum[:]), stamp.Script, "%s is stale: scripts/%s has changed since: run `make golden`", path, stamp.Source)
	require.NoError(t, json.Unmarshal(text, v))
}

// Root is the top folder of the source.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the test")
		dir = parent
	}
}

// Fill makes numbers in [-1,1) that scripts/golden.py makes too: the finalizer of MurmurHash3 over stream and place.
func Fill(stream, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		x := uint32(i + stream*1000003)
		x = (x ^ x>>16) * 0x85EBCA6B
		x = (x ^ x>>16) * 0xC2B2AE35
		x ^= x >> 16
		values[i] = float64(x)/(1<<31) - 1
	}
	return values
}

// Count is the number of elements of a shape.
func Count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
