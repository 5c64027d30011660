package torch_test

import (
	"debug/elf"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Gloo is the system's although libtorch has another, whose symbols are there for every library once CUDA's is open.
func TestGlooIsNotLibtorchs(t *testing.T) {
	needGloo(t)
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_cuda.so")); err != nil {
		t.Skip("libgotorch_cuda.so was not built here: CUDA's headers or libraries are missing")
	}
	dir := t.TempDir()
	library(t, dir, "libcuda.so.1", driver(0, 13000, 1))
	ranks := processes(t, "sums", 2, "LD_LIBRARY_PATH="+dir)
	for _, got := range told[summed](t, ranks) {
		assert.Equal(t, []float64{3, 1 + math.Pow(2, 40), -.5}, got.Exact)
	}
	ended(t, ranks)
}

// The loader makes one of all unique symbols of a name in a process, whatever the scopes: the two gloos must share none.
func TestTheTwoGloosShareNoUniqueSymbol(t *testing.T) {
	needGloo(t)
	require.NotNil(t, alone())
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	owners := map[string][]string{}
	seen := map[string]bool{}
	for _, path := range regexp.MustCompile(`/.*/lib(?:gotorch_gloo|gloo|torch_cpu)\.so\S*`).FindAllString(string(maps), -1) {
		if seen[path] {
			continue
		}
		seen[path] = true
		f, err := elf.Open(path)
		require.NoError(t, err)
		symbols, err := f.DynamicSymbols()
		require.NoError(t, err)
		for _, s := range symbols {
			if elf.ST_BIND(s.Info) == elf.STB_LOOS && strings.Contains(s.Name, "4gloo") { // STB_GNU_UNIQUE
				owners[s.Name] = append(owners[s.Name], path)
			}
		}
		require.NoError(t, f.Close())
	}
	assert.Len(t, seen, 3, "libgotorch_gloo.so, the system's gloo and libtorch's")
	for name, paths := range owners {
		assert.Len(t, paths, 1, name)
	}
}

// Where gloo is not, the sentence says what to install; all else works.
func TestAWorldWithoutGloo(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(libraries(t), "libgotorch.so"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "libgotorch.so"), text, 0o755))
	said := child(t, "no gloo", dir, "FORGER_LIB="+dir)
	assert.Contains(t, said, "torch: comm: gloo: ")
	assert.Contains(t, said, "libgotorch_gloo.so: cannot open shared object file")
	assert.Contains(t, said, "sudo apt-get install libgloo-dev")
}

func bucket(s *torch.Scope, c *torch.Comm) {
	t := s.Ones(6_400_000)
	c.Sum(t)
	rounds, begin := number("TEST_ROUNDS"), time.Now()
	for range rounds {
		c.Sum(t)
	}
	tell(time.Since(begin).Seconds() / float64(rounds))
}

// A bucket of gradients, 25.6 MB, between two processes of this machine.
func BenchmarkSumOfABucket(b *testing.B) {
	ranks := processes(b, "benchmark", 2, fmt.Sprint("TEST_ROUNDS=", b.N))
	b.ReportMetric(slices.Max(told[float64](b, ranks))*1e9, "ns/op")
	ended(b, ranks)
}
