package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// libtorch looks for CUDA at its first use, and once: tests that use it open CUDA before it.
func TestTestsWithTensorsOpenCUDAFirst(t *testing.T) {
	found := 0
	for _, p := range list(t) {
		if !slices.Contains(append(slices.Clone(p.TestImports), p.XTestImports...), "forger/torch") {
			continue
		}
		found++
		opens := false
		for _, name := range append(slices.Clone(p.TestGoFiles), p.XTestGoFiles...) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			opens = opens || strings.Contains(string(text), "torchtest.Main(m)")
		}
		assert.True(t, opens, "%s: its TestMain must call torchtest.Main", p.ImportPath)
	}
	assert.Greater(t, found, 5)
}
