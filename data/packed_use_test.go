package data

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPackedReadAllocatesNothing(t *testing.T) {
	p := openPack(t, pack(t, newMade()))
	dst, i := make([]byte, 12288), 0
	assert.Zero(t, testing.AllocsPerRun(300, func() {
		if err := p.Read(0, i%100, dst); err != nil {
			panic(err)
		}
		i++
	}))
}

func TestPackedIsClosedWhileItIsRead(t *testing.T) {
	ds := newMade()
	p := openPack(t, pack(t, ds))
	var group sync.WaitGroup
	begun := make(chan struct{}, 4)
	for k := range 4 {
		group.Go(func() {
			dst := make([]byte, 12288)
			for i := k; ; i++ {
				if err := p.Read(0, i%100, dst); err != nil {
					assert.ErrorContains(t, err, "it was closed")
					return
				}
				if i == k {
					begun <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-begun
	}
	require.NoError(t, p.Close())
	group.Wait()
}

func TestPackedThroughTheLoader(t *testing.T) {
	ds := newMade()
	p := openPack(t, pack(t, ds))
	images := func(source Dataset) []byte {
		l, err := NewLoader(source, LoaderOptions{Batch: 100, Shuffle: true, Seed: 3})
		require.NoError(t, err)
		defer l.Close()
		b, err := l.Next(t.Context())
		require.NoError(t, err)
		return b.Images
	}
	assert.True(t, bytes.Equal(images(ds), images(p)))
}

// The lines of Python in docs/packed.md read a packed file with NumPy.
func TestNumPyReadsAPackedFileAsDocumented(t *testing.T) {
	python := os.Getenv("FORGER_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: FORGER_PYTHON is not set: the packed format is not checked against NumPy")
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "packed.md"))
	require.NoError(t, err)
	_, code, ok := strings.Cut(string(page), "```python\n")
	require.True(t, ok)
	code, _, ok = strings.Cut(code, "```")
	require.True(t, ok)
	ds := newMade()
	path := pack(t, ds)
	dump := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, Dump(t.Context(), ds, dump, DumpOptions{}))
	code = strings.ReplaceAll(code, `"celeba64.pack"`, fmt.Sprintf("%q", path)) + fmt.Sprintf(`
assert numpy.array_equal(images, numpy.load(%q)) and images.dtype == numpy.uint8
assert numpy.array_equal(labels, numpy.load(%q))
assert meta["spec"] == "made" and meta["classes"] == ["a/b", "é", "<c>"]
print("same")
`, dump, strings.TrimSuffix(dump, ".npy")+".labels.npy")
	out, err := exec.Command(python, "-c", code).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "same\n", string(out))
}
