package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smaller makes a command of the page one of a second.
var smaller = strings.NewReplacer(
	"--preset vae ", "--preset vae --gen-width 6 --disc-width 6 --latent 3 --limit 400 --steps 6 --batch 10 --device cpu ",
	"--preset pixelcnn ", "--preset pixelcnn --gen-width 4 --depth 1 --limit 60 --steps 6 --batch 10 --size 16 --device cpu ",
	"classifier:mnist:DIR", "random", "mnist:DIR", "glyphs", "mnist-test:DIR", "glyphs", "--keep-rows 14", "--keep-rows 8", "--metrics nll", "--metrics nll --n 20 --nll-samples 5",
	"--per-class", "--per-class --n 60",
)

// What docs/models.md says to type of labels runs, in its order.
func TestTheCommandsOfModelsGivenLabels(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.Symlink(program, filepath.Join(dir, "bin", "forger")))
	for _, name := range []string{"a.png", "b.png"} {
		f, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, png.Encode(f, image.NewGray(image.Rect(0, 0, 28, 28))))
		require.NoError(t, f.Close())
	}
	path := "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")
	page := string(readFile(t, filepath.Join("..", ".."), filepath.Join("docs", "models.md")))
	_, page, found := strings.Cut(page, "\n## Given labels\n")
	require.True(t, found)
	page, _, _ = strings.Cut(page, "\n## ")
	commands := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "forger ") {
			continue
		}
		commands++
		got := command(t, dir, []string{path, "XDG_CACHE_HOME=" + dir}, "bash", "-c", smaller.Replace(line))
		assert.Equal(t, exitDone, got.code, "%s: %s", line, got.errout)
		if strings.Contains(line, "nll") {
			assert.Contains(t, got.out, "likelihood Bernoulli, binarisation dynamic, given the label")
		}
	}
	assert.Equal(t, 10, commands)
	for _, made := range []string{"grid.png", "walk.png", "ends.png", "own.png", "eights.png", "encoder.onnx"} {
		assert.FileExists(t, filepath.Join(dir, made))
	}
}
