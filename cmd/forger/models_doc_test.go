package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// briefly makes a command of docs/models.md a matter of seconds, by the words that it begins with: it stands behind what the document
// says, and so goes before it.
var briefly = map[string]string{
	"forger train":   " --quiet --device cpu --threads 1 --steps 3 --batch 8 --gen-width 4 --sample-every 100 --save sync",
	"forger eval":    " --device cpu --n 20 --nll-samples 2",
	"forger compare": " --device cpu --n 20 --nll-samples 2",
	"scripts/models": " .001",
}

// Every command of docs/models.md but those of labels runs where the data lie that it names, and every picture that it shows is there, and small.
func TestTheCommandsOfTheModels(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	text := string(readFile(t, docs, "models.md"))
	assert.Equal(t, 5, smallPictures(t, docs, text))

	dir := t.TempDir()
	digits(t, filepath.Join(dir, "DIR"))
	photos(t, filepath.Join(dir, "DIR"))
	archive(t, filepath.Join(dir, "DIR", "set"), filepath.Join(dir, "photos.zip"))
	require.NoError(t, os.Symlink(filepath.Join("DIR", "set"), filepath.Join(dir, "held")))
	for link, to := range map[string]string{"bin/forger": program, "scripts/models": filepath.Join("..", "..", "scripts", "models")} {
		to, err := filepath.Abs(to)
		require.NoError(t, err)
		require.NoError(t, os.Mkdir(filepath.Dir(filepath.Join(dir, link)), 0o755))
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	env := []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "XDG_CACHE_HOME=" + dir,
		"FORGER_DEVICE=cpu", "FORGER_THREADS=1", "FORGER_GEN_WIDTH=4"} // of scripts/models; flags go before them
	runs := strings.NewReplacer("RUN RUN RUN", "runs/0000-mlp-mnist runs/0001-masked-mnist runs/0000-mlp-mnist", "RUN", "runs/0000-mlp-mnist")
	before, labels, found := strings.Cut(text, "\n## Given labels\n")
	require.True(t, found, "which another test runs")
	_, after, _ := strings.Cut(labels, "\n## ")
	ran := map[string]int{}
	for line := range strings.Lines(strings.ReplaceAll(before+"\n## "+after, "\\\n", " ")) {
		line, _, _ := strings.Cut(strings.TrimSpace(line), "  #")
		what := regexp.MustCompile(`^(?:N=1000 )?(forger [a-z]+|scripts/models) `).FindStringSubmatch(line)
		if what == nil {
			continue
		}
		require.Contains(t, briefly, what[1])
		line = strings.Replace(runs.Replace(line), "N=1000", "N=20", 1) + briefly[what[1]]
		got := command(t, dir, env, "bash", "-c", line)
		assert.Equal(t, exitDone, got.code, "%s: %s", line, got.errout)
		ran[what[1]]++
	}
	assert.Equal(t, map[string]int{"forger train": 6, "forger eval": 3, "forger compare": 1, "scripts/models": 1}, ran)
	assert.Contains(t, string(readFile(t, filepath.Join(dir, "OUT", "compared"), "compare.md")), "samples against 20 of mnist-test:DIR,")
}
