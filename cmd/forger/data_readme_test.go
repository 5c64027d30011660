package main

import (
	"archive/zip"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forger/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readme is the section about data.
func readme(t *testing.T) string {
	t.Helper()
	_, rest, found := strings.Cut(string(readFile(t, filepath.Join("..", ".."), "README.md")), "\n## Data\n")
	require.True(t, found)
	section, _, _ := strings.Cut(rest, "\n## ")
	return section
}

// What the README says to type runs.
func TestTheDataCommandsOfTheREADME(t *testing.T) {
	dir := t.TempDir()
	photos(t, dir)
	require.NoError(t, os.Rename(filepath.Join(dir, "set"), filepath.Join(dir, "photos")))
	archive(t, filepath.Join(dir, "photos"), filepath.Join(dir, "photos.zip"))
	digits(t, filepath.Join(dir, "datasets", "mnist"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.Symlink(program, filepath.Join(dir, "bin", "forger")))
	ran := 0
	for line := range strings.Lines(readme(t)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
		if !strings.HasPrefix(line, "bin/forger ") {
			continue
		}
		if strings.HasPrefix(line, "bin/forger data fetch ") {
			line += " --help" // nothing is downloaded in a test
		}
		got := command(t, dir, none, "bash", "-c", line)
		assert.Equal(t, exitDone, got.code, "%s: %s", line, got.errout)
		ran++
	}
	assert.Equal(t, 6, ran)
	assert.Len(t, readFile(t, dir, "digits.npy"), 128+1000*32*32)
	assert.FileExists(t, filepath.Join(dir, "photos64.pack"))
	assert.FileExists(t, filepath.Join(dir, "real.png"))
}

// Every flag that the README names is one, and every source is named.
func TestTheFlagsAndSourcesOfTheREADME(t *testing.T) {
	section, dir := readme(t), t.TempDir()
	have := ""
	for _, of := range []string{"train", "data check", "data dump", "data preview", "data fetch"} {
		have += strings.Join(strings.Fields(forger(t, dir, none, append(strings.Fields(of), "--help")...).out), " ")
	}
	flags := regexp.MustCompile("--[a-z][a-z-]*").FindAllString(section, -1)
	assert.Greater(t, len(flags), 15)
	for _, flag := range flags {
		assert.Contains(t, have, " "+flag+" ", "as the help has it")
	}
	for _, name := range slices.Sorted(maps.Keys(data.Sources)) {
		assert.Contains(t, section, "`"+data.Sources[name].Usage+"`")
	}
}

// archive makes a zip of a folder.
func archive(t *testing.T, dir, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w := zip.NewWriter(f)
	require.NoError(t, w.AddFS(os.DirFS(dir)))
	require.NoError(t, w.Close())
}

// digits writes 20 black pictures as MNIST's files.
func digits(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, numbers := range map[string][]uint32{
		"train-images-idx3-ubyte": {0x803, 20, 28, 28}, "train-labels-idx1-ubyte": {0x801, 20},
		"t10k-images-idx3-ubyte": {0x803, 20, 28, 28}, "t10k-labels-idx1-ubyte": {0x801, 20},
	} {
		var file []byte
		size := uint32(1)
		for i, n := range numbers {
			file = binary.BigEndian.AppendUint32(file, n)
			if i > 0 {
				size *= n
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), append(file, make([]byte, size)...), 0o644))
	}
}
