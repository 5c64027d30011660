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

// Golden reads a file that one of scripts/golden*.py wrote into v. A file from another version of that script is an error:
// `make golden` writes them all again.
func Golden(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var stamp struct{ Script string }
	require.NoError(t, json.Unmarshal(text, &stamp))
	require.Contains(t, scripts(t), stamp.Script, "%s is stale: the script that wrote it has changed since: run `make golden`", path)
	require.NoError(t, json.Unmarshal(text, v))
}

// scripts are the hashes of the scripts that write golden values.
func scripts(t testing.TB) (sums []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Root(t), "scripts", "golden*.py"))
	require.NoError(t, err)
	for _, path := range paths {
		script, err := os.ReadFile(path)
		require.NoError(t, err)
		sum := sha256.Sum256(script)
		sums = append(sums, hex.EncodeToString(sum[:]))
	}
	return sums
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
