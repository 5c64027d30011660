package setting

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReadFile: any file is settings that exist, or a usage error of one line.
func FuzzReadFile(f *testing.F) {
	for _, text := range []string{
		"", "size: 64\ndata: folder:x\nbeta1: .5\n", "resolved:\n  device: cpu\nseed: 3\n", "size: [1, 2]\n", "size: &a 1\nbatch: *a\n",
		"a: &a [*a]\n", "size: !!binary aGVsbG8=\n", "--- \nsize: 1\n---\nseed: 2\n", "? size\n: 1\n", "<<: {size: 1}\n", "size: |\n  1\n", "penalty: [a, [b]]\n", "\xff\xfe\x00", "- size\n",
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "c.yaml")
	all := new(options).set()
	names := all.Names()
	f.Fuzz(func(t *testing.T, text []byte) {
		require.NoError(t, os.WriteFile(path, text, 0o600))
		settings, _, err := all.ReadFile(path)
		if err != nil {
			var usage *UsageError
			require.True(t, errors.As(err, &usage), err)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, s := range settings {
			require.True(t, slices.Contains(names, s.Name), s.Name)
			require.Positive(t, s.Line)
		}
	})
}
