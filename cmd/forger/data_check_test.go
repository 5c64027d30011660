package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/data"
	"forger/internal/seed"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// photos writes two classes of five images below dir/set, of which those named are cut short.
func photos(t *testing.T, dir string, broken ...int) {
	t.Helper()
	for i := range 10 {
		m := image.NewGray(image.Rect(0, 0, 6, 6))
		m.Pix[0] = byte(i)
		var b bytes.Buffer
		require.NoError(t, png.Encode(&b, m))
		for _, at := range broken {
			if i == at {
				b.Truncate(40)
			}
		}
		path := filepath.Join(dir, "set", []string{"cat", "dog"}[i/5], fmt.Sprintf("%d.png", i))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
}

func TestDataCheck(t *testing.T) {
	dir := t.TempDir()
	photos(t, dir)
	got := forger(t, dir, nil, "data", "check", "folder:set")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Equal(t, "10 images, 0 broken, 10 distinct\n", got.out)
	assert.Contains(t, got.errout, "checked 10/10")

	photos(t, dir, 3, 8)
	got = forger(t, dir, nil, "data", "check", "folder:set", "--quiet", "--workers", "3")
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "set/cat/3.png: the file is truncated\nset/dog/8.png: the file is truncated\n10 images, 2 broken, 8 distinct\n", got.out)
	assert.Equal(t, "forger: data check: folder:set: 2 of 10 images are broken: mend or remove them, or train with --skip-corrupt 2\n", got.errout)

	got = forger(t, dir, nil, "data", "check", "folder:set", "--json", "--filter", "dog")
	assert.Equal(t, exitFailed, got.code)
	var report data.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &report))
	assert.Equal(t, 5, report.Images)
	assert.Equal(t, []data.Broken{{Image: 3, File: "set/dog/8.png", Error: "the file is truncated"}}, report.Broken)

	got = forger(t, dir, nil, "data", "check", "folder:set", "--json", "--limit", "3", "--data-rules", "1")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.out, `"broken": []`)

	got = forger(t, dir, nil, "data", "check", "folder:set", "--quiet", "--filter", "cat", "--max-pixels", "35", "--limit", "1", "--data-rules", "1")
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "set/cat/0.png: 6x6: more than 35 pixels\n1 images, 1 broken\n", got.out)

	got = forger(t, dir, nil, "data", "info", "folder:set", "--crop-before", "4")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Regexp(t, `shape +4x4x3 `, got.out)

	got = forger(t, dir, nil, "data", "check", "folder:nothing")
	assert.Equal(t, exitFailed, got.code)
	got = forger(t, dir, nil, "data", "check", "folder:set", "--filter", "[")
	assert.Equal(t, exitUsage, got.code)
	assert.Contains(t, got.errout, "is no glob")
}

// What could not be read is told apart from what is broken, and nobody is told to remove it.
func TestDataCheckTellsWhatWasNotRead(t *testing.T) {
	var out bytes.Buffer
	err := printReport(&out, data.Report{
		Spec: "folder:set", Images: 10, Broken: []data.Broken{{Image: 3, File: "set/3.png", Error: "the file is truncated"}},
		Unread: []data.Broken{{Image: 4, File: "set/4.png", Error: "input/output error"}},
	}, "images", false)
	assert.Equal(t, "set/3.png: the file is truncated\nset/4.png: not read: input/output error\n10 images, 1 broken, 1 not read\n", out.String())
	out.Reset()
	alike := []data.Alike{{Image: 1, File: "b.png", Before: 0, Like: "a.png", Same: true}, {Image: 9, Before: 4}}
	require.NoError(t, printReport(&out, data.Report{Spec: "folder:set", Images: 10, Distinct: 9, Alike: alike}, "images", false))
	assert.Equal(t, "10 images, 0 broken, 9 distinct\nb.png: the same as a.png\nimage 9: nearly the same as image 4\n"+
		"warning: 1 are the same as one before them and 1 nearly (the first 2 are above; --json lists all): copies weigh more in training\n", out.String())
	assert.EqualError(t, err, "folder:set: 1 of 10 images could not be read, which says nothing of what is in them: "+
		"see to what keeps them from being read (the first: input/output error), and check again")
}

// A preview shows what training with the same seed begins with, not the first class of a folder.
func TestDataPreviewIsChosenBySeed(t *testing.T) {
	dir := t.TempDir()
	photos(t, dir)
	numbers := func(seed string) (numbers []int) {
		got := forger(t, dir, none, "data", "preview", "folder:set", "--out", "x.png", "--n", "5", "--seed", seed)
		require.Equal(t, exitDone, got.code, got.errout)
		grid, err := png.Decode(bytes.NewReader(readFile(t, dir, "x.png")))
		require.NoError(t, err)
		for i := range 5 {
			r, _, _, _ := grid.At(2+8*i, 2).RGBA()
			numbers = append(numbers, int(r>>8))
		}
		return numbers
	}
	all := map[int]bool{}
	for of := range 9 {
		_, order := seed.Data(uint64(of))
		_, want := data.Plan{Len: 10, Batch: 5, Seed: order, Shuffle: true}.Images(0)
		got := numbers(fmt.Sprint(of))
		assert.Equal(t, want, got)
		for _, i := range got {
			all[i] = true
		}
	}
	assert.Len(t, all, 10, "any may be chosen")
}

func TestDataSelectionAndSkipping(t *testing.T) {
	dir := t.TempDir()
	photos(t, dir, 3, 8)
	got := forger(t, dir, nil, "data", "dump", "folder:set", "x.npy", "--size", "6")
	assert.Equal(t, exitFailed, got.code)
	assert.True(t, strings.HasPrefix(got.errout, "forger: data dump: data: folder: set/cat/3.png: the file is truncated: "), got.errout)
	assert.NoFileExists(t, filepath.Join(dir, "x.npy"))

	got = forger(t, dir, nil, "data", "dump", "folder:set", "x.npy", "--size", "6", "--skip-corrupt", "2")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Equal(t, "skipped set/cat/3.png: the file is truncated\nskipped set/dog/8.png: the file is truncated\n2 corrupt files skipped\n", got.errout)

	got = forger(t, dir, nil, "data", "info", "folder:set", "--filter", "dog", "--limit", "4")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Regexp(t, `images +4\n`, got.out)

	got = forger(t, dir, nil, "data", "dump", "folder:set", "y.npy", "--size", "6", "--limit", "3", "--data-rules", "1", "--flip", "--channels", "1")
	require.Equal(t, exitDone, got.code, got.errout)
	file, err := os.ReadFile(filepath.Join(dir, "y.npy"))
	require.NoError(t, err)
	assert.Len(t, file, 128+3*36)
}
