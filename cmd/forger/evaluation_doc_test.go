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

// shorter makes a command of the page one of a second.
var shorter = strings.NewReplacer(
	"--steps 3000", "--steps 6 --gen-width 2 --disc-width 2 --batch 8 --eval-n 20 --device cpu", "--eval-every 500", "--eval-every 3",
	"--n 10000", "--n 600", "--n 2000", "--n 30",
)

// What docs/evaluation.md says to type runs, in the order of what it needs; the flags that it names are there.
func TestTheCommandsOfEvaluation(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.Symlink(program, filepath.Join(dir, "bin", "forger")))
	path := "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")
	page := string(readFile(t, filepath.Join("..", ".."), filepath.Join("docs", "evaluation.md")))
	var commands []string
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "forger train ") {
			commands = append([]string{line}, commands...) // the run that the others are about
		} else if strings.HasPrefix(line, "forger ") {
			commands = append(commands, line)
		}
	}
	require.Len(t, commands, 5)
	for _, line := range commands {
		got := command(t, dir, []string{path, "XDG_CACHE_HOME=" + dir}, "bash", "-c", shorter.Replace(line))
		assert.Equal(t, exitDone, got.code, "%s: %s", line, got.errout)
	}
	assert.FileExists(t, filepath.Join(dir, "glyphs32.npz"))
	assert.FileExists(t, filepath.Join(dir, "runs", "0000-dcgan-glyphs", "checkpoints", "best.pt"))

	have := strings.Join(strings.Fields(forger(t, dir, none, "eval", "--help").out+forger(t, dir, none, "train", "--help").out), " ")
	flags := regexp.MustCompile("--[a-z][a-z-]*").FindAllString(page, -1)
	assert.Greater(t, len(flags), 20)
	for _, flag := range flags {
		assert.Contains(t, have, flag+" ")
	}
}
