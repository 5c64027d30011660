package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// without libtorch: data needs none.
var none = []string{"FORGER_LIB=/nowhere"}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return b
}

// A packed file is dumped to the very bytes of its source.
func TestDataPack(t *testing.T) {
	dir := t.TempDir()
	got := forger(t, dir, none, "data", "pack", "glyphs", "a.pack", "--size", "8", "--seed", "3", "--json")
	require.Equal(t, exitDone, got.code, got.errout)
	var said map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.out), &said))
	info, err := os.Stat(filepath.Join(dir, "a.pack"))
	require.NoError(t, err)
	for key, want := range map[string]any{"file": "a.pack", "spec": "glyphs", "images": 60000.0, "kept": 0.0, "height": 8.0,
		"width": 8.0, "channels": 1.0, "classes": 10.0, "bytes": float64(info.Size())} {
		assert.Equal(t, want, said[key], key)
	}
	lines := strings.Split(strings.TrimSpace(got.errout), "\n")
	assert.GreaterOrEqual(t, len(lines), 2)
	assert.Contains(t, lines[len(lines)-1], "packing 60000/60000 images  ")

	got = forger(t, dir, none, "data", "pack", "glyphs", "b.pack", "--size", "8", "--seed", "3", "--workers", "5")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Empty(t, got.out)
	assert.Contains(t, got.errout, "wrote b.pack: 60000 images of 8x8x1, ")
	assert.True(t, bytes.Equal(readFile(t, dir, "a.pack"), readFile(t, dir, "b.pack")))

	for _, args := range []string{"glyphs x.npy --size 8 --seed 3", "packed:a.pack y.npy"} {
		got = forger(t, dir, none, append([]string{"data", "dump"}, strings.Fields(args)...)...)
		require.Equal(t, exitDone, got.code, got.errout)
	}
	assert.True(t, bytes.Equal(readFile(t, dir, "x.npy"), readFile(t, dir, "y.npy")))
	assert.Equal(t, readFile(t, dir, "x.labels.npy"), readFile(t, dir, "y.labels.npy"))

	got = forger(t, dir, none, "data", "info", "packed:a.pack")
	assert.Contains(t, got.out, said["fingerprint"])
	assert.Contains(t, got.out, "8x8x1")
}

// What is packed is what the same flags dump: labels and images of a selection, cropped, with others for corrupt files.
func TestDataPackOfASelection(t *testing.T) {
	dir := t.TempDir()
	photos(t, dir, 3, 8)
	for flags, want := range map[string]int{
		"--filter dog --skip-corrupt 1 --seed 2":                  5,
		"--limit 3 --data-rules 1 --channels 1":                   3,
		"--skip-corrupt 2 --crop-before 4 --size 4 --limit 9":     9,
		"--skip-corrupt 2 --background 102030 --max-pixels 36":    10,
		"--skip-corrupt 2 --fast-decode --crop-before 2 --size 8": 10,
	} {
		out := fmt.Sprintf("%d.pack", len(flags))
		got := forger(t, dir, none, append([]string{"data", "pack", "folder:set", out, "--json"}, strings.Fields(flags)...)...)
		require.Equal(t, exitDone, got.code, got.errout)
		var said struct{ Images, Skipped int }
		require.NoError(t, json.Unmarshal([]byte(got.out), &said))
		assert.Equal(t, want, said.Images, flags)
		assert.Equal(t, strings.Count(got.errout, "skipped set/"), said.Skipped)
		assert.Equal(t, strings.Contains(flags, "skip"), said.Skipped > 0, flags)
		for _, args := range []string{"folder:set x.npy " + flags, "packed:" + out + " y.npy"} {
			got = forger(t, dir, none, append([]string{"data", "dump"}, strings.Fields(args)...)...)
			require.Equal(t, exitDone, got.code, got.errout)
		}
		for _, name := range []string{".npy", ".labels.npy"} {
			assert.Equal(t, readFile(t, dir, "x"+name), readFile(t, dir, "y"+name), "%s of %s", name, flags)
		}
	}
	got := forger(t, dir, none, "data", "pack", "folder:set", "x.pack", "--skip-corrupt", "1", "--workers", "1")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.errout, "skipped set/cat/3.png: the file is truncated\n")
	assert.Contains(t, got.errout, "set/dog/8.png: the file is truncated: 1 others are broken too")
	assert.NoFileExists(t, filepath.Join(dir, "x.pack.partial"))
}

// A disk that is full: one line that says what is kept; with room again the same command ends with the same bytes.
func TestDataPackOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	args := []string{"data", "pack", "glyphs", "a.pack", "--size", "16", "--quiet"}
	limit := "ulimit -f 8192; exec \"$0\" \"$@\"" // 8 of 15 MiB
	got := command(t, dir, none, "bash", append([]string{"-c", limit, program}, args...)...)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, "^forger: data pack: data: pack: a.pack.partial: file too large: make room for 15.6 MB: "+
		"a.pack.partial keeps 3[01][0-9]{3} of 60000 images, and the same command goes on from there\n$", got.errout)
	assert.Equal(t, 1, strings.Count(got.errout, "\n"), got.errout)
	assert.NoFileExists(t, filepath.Join(dir, "a.pack"))

	got = forger(t, dir, none, append(args, "--json")...)
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Empty(t, got.errout, "quiet")
	var said struct{ Kept int }
	require.NoError(t, json.Unmarshal([]byte(got.out), &said))
	assert.Greater(t, said.Kept, 30000)
	args[3] = "b.pack"
	require.Equal(t, exitDone, forger(t, dir, none, args...).code)
	assert.True(t, bytes.Equal(readFile(t, dir, "a.pack"), readFile(t, dir, "b.pack")))
}

func TestDataPackSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte("text"), 0o644))
	for args, want := range map[string]struct {
		code int
		line string
	}{
		"pack glyphs":                      {exitUsage, "forger: data pack: 1 arguments given, 2 wanted: usage: forger data pack SPEC OUT [flags]"},
		"pack nope out":                    {exitUsage, `forger: data pack: data "nope": unknown: have `},
		"pack glyphs out --size -1":        {exitUsage, `forger: data pack: invalid argument "-1" for "--size" flag: "-1" is no size: write one number, or HEIGHTxWIDTH`},
		"pack glyphs out --channels 2":     {exitUsage, "forger: data pack: --channels 2: neither gray nor RGB: use 1 or 3"},
		"pack glyphs out --workers -1":     {exitUsage, "forger: data pack: --workers -1: too small"},
		"pack glyphs out --background red": {exitUsage, `background "red": no colour: write six hexadecimal digits, such as FFFFFF`},
		"pack glyphs out --crop-before 9":  {exitUsage, `forger: data pack: data "glyphs": crop-before 9 is for image files, which glyphs has none of: leave it out`},
		"check glyphs --max-pixels -9":     {exitUsage, "forger: data check: --max-pixels -9: too small: use 0 or more"},
		"pack folder:gone out":             {exitFailed, "forger: data pack: data: folder: gone: no such file or directory"},
		"pack glyphs gone/out":             {exitFailed, "forger: data pack: data: pack: gone/out.partial: no such file or directory"},
		"info packed:text":                 {exitFailed, "forger: data info: data: packed: text: not a packed file: make it with `forger data pack`"},
		"info packed":                      {exitUsage, `forger: data info: data "packed": no path given: write packed:FILE`},
	} {
		got := forger(t, dir, none, append([]string{"data"}, strings.Fields(args)...)...)
		assert.Equal(t, want.code, got.code, args)
		assert.Contains(t, got.errout, want.line, args)
		assert.Equal(t, 1, strings.Count(got.errout, "\n"), got.errout)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestMeterTellsEachTenth(t *testing.T) {
	var b bytes.Buffer
	m := newMeter(newProgress(&b, false), "packing", "images")
	for i := range int64(1001) {
		m.set(i, 1000)
	}
	assert.Equal(t, 10, strings.Count(b.String(), "\n"))
	assert.True(t, strings.HasPrefix(b.String(), "packing 100/1000 images  "))
	quiet := newMeter(newProgress(&b, true), "", "")
	b.Reset()
	quiet.set(5, 5)
	assert.Empty(t, b.String())
}
