package data

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each class is shown as often as the largest, each element of it about as often, and nothing of another.
func TestClassesInBalance(t *testing.T) {
	dir := t.TempDir()
	for class, n := range map[string]int{"a": 2, "b": 7, "c": 3} {
		for i := range n {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, class), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, class, string(rune('0'+i))+".png"), picture(t, i+20*n), 0o644))
		}
	}
	plain, ds := opened(t, "folder:"+dir, Options{}), opened(t, "folder:"+dir, Options{Balance: true, Flip: true, SkipCorrupt: 1})
	require.Equal(t, 21, ds.Len())
	assert.NotEqual(t, plain.Fingerprint(), ds.Fingerprint())
	labels, shown := map[int]int{}, map[string]int{}
	for i := range ds.Len() {
		labels[ds.Label(i)]++
		inner, _ := Plain(ds)
		shown[string(read(t, inner, 0, i))]++
	}
	assert.Equal(t, map[int]int{0: 7, 1: 7, 2: 7}, labels)
	require.Len(t, shown, 12, "every image")
	for i := range plain.Len() {
		n := shown[string(read(t, plain, 0, i))]
		want := map[int][]int{0: {3, 4}, 1: {1}, 2: {2, 3}}[plain.Label(i)]
		assert.Contains(t, want, n, "image %d of class %d", i, plain.Label(i))
	}
	assert.Empty(t, Skipped(ds))
	two := opened(t, "folder:"+dir, Options{Balance: true, Filter: "a,c"})
	assert.Equal(t, 6, two.Len(), "of those that are left")
	_, err := Open("npy:"+dumped(t, opened(t, "folder:"+filepath.Join(dir, "a"), Options{})), Options{Balance: true})
	assert.ErrorContains(t, err, "has no labels: leave it out")
}
