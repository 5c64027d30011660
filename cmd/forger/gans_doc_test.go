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

// shortened are what makes a command of docs/gans.md a matter of a second: it stands behind what the document says, and so goes
// before it.
var shortened = map[string]string{
	"train":  " --quiet --device cpu --threads 1 --steps 3 --batch 8 --gen-width 4 --disc-width 4 --sample-every 100 --save sync",
	"eval":   " --device cpu --n 50",
	"export": "",
	"sample": " --device cpu --n 9",
}

// Every command of docs/gans.md runs, one after another as a reader would, and leaves what the next one takes; every picture that
// it shows is there, and small.
func TestTheCommandsOfTheGANs(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	text := string(readFile(t, docs, "gans.md"))
	dir := t.TempDir()
	photos(t, dir)
	archive(t, filepath.Join(dir, "set"), filepath.Join(dir, "photos.zip"))
	digits(t, filepath.Join(dir, "datasets", "mnist"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.Symlink(program, filepath.Join(dir, "bin", "forger")))
	sections := strings.Split(text, "\n## ")[1:]
	require.Len(t, sections, 9)
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		assert.NotZero(t, smallPictures(t, docs, section), title)
		ran := 0
		for line := range strings.Lines(strings.ReplaceAll(section, "\\\n", " ")) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
			if !strings.HasPrefix(line, "bin/forger ") {
				continue
			}
			what := strings.Fields(line)[1]
			require.Contains(t, shortened, what)
			got := command(t, dir, nil, "bash", "-c", line+shortened[what])
			assert.Equal(t, exitDone, got.code, "%s: %s", line, got.errout)
			ran++
		}
		assert.NotZero(t, ran, title)
	}
}

// smallPictures is how many pictures a document shows, all of which must be there and small.
func smallPictures(t *testing.T, docs, text string) int {
	t.Helper()
	shown := regexp.MustCompile(`!\[[^]]+\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1)
	for _, m := range shown {
		info, err := os.Stat(filepath.Join(docs, m[1]))
		if assert.NoError(t, err) {
			assert.Less(t, info.Size(), int64(60_000), m[1])
		}
	}
	return len(shown)
}
