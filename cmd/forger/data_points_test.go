package main

import (
	"encoding/binary"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"forger/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the data commands do with points, and what they refuse in a line.
func TestDataCommandsWithPoints(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, data.WriteNPY(filepath.Join(dir, "p.npy"), "<f4", []int{4, 2}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	}))
	require.NoError(t, data.WriteNPY(filepath.Join(dir, "q.npy"), "<f4", []int{2, 4}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	}))
	for args, want := range map[string]string{
		"list":                    `npy:FILE +a NumPy array: points, float32 or float64 \[N,D\]; images, `,
		"info npy:p.npy":          "points +4\nshape +2 numbers\nclasses +none\nfingerprint +npy sha256:[0-9a-f]{64}\n$",
		"check npy:p.npy --quiet": "^4 points, 0 broken\n$",
		"dump npy:p.npy x.npy":    "^$",
		"dump npy:p.npy y.npy --limit 2 --shuffled": "^$",
		"preview npy:p.npy --out x.png":             "^$",
		"preview gaussian1d --out y.png":            "^$",
		"info ring8":                                "points +100000\nshape +2 numbers\nclasses +8: 0, 1, ",
	} {
		got := forger(t, dir, none, append([]string{"data"}, strings.Fields(args)...)...)
		require.Equal(t, exitDone, got.code, "%s: %s", args, got.errout)
		assert.Regexp(t, want, got.out, args)
	}
	assert.Equal(t, readFile(t, dir, "p.npy"), readFile(t, dir, "x.npy"))
	shape, values, err := data.ReadNPY[float32](filepath.Join(dir, "y.npy"))
	require.NoError(t, err)
	assert.Equal(t, []int{2, 2}, shape)
	assert.ElementsMatch(t, []float32{1, 2, 7, 8}, values, "a choice by the seed")

	for args, want := range map[string]struct {
		code int
		line string
	}{
		"preview npy:q.npy --out z.png":  {exitFailed, "forger: data preview: points of 4 numbers have no picture: use data dump\n"},
		"pack npy:p.npy x.pack":          {exitFailed, "forger: data pack: data: pack: npy:p.npy: it holds points, and a packed file images: use it as it is\n"},
		"info npy:p.npy --size 8":        {exitUsage, `forger: data info: data "npy:p.npy": size is for images, and this holds points: take images, or leave it out` + "\n"},
		"check npy:p.npy --channels 1":   {exitUsage, `forger: data check: data "npy:p.npy": channels is for images, and this holds points: take images, or leave it out` + "\n"},
		"dump npy:p.npy z.npy --flip":    {exitUsage, `forger: data dump: data "npy:p.npy": flip is for images, and this holds points: take images, or leave it out` + "\n"},
		"info npy:p.npy --crop-before 8": {exitUsage, `forger: data info: data "npy:p.npy": crop-before 8 is for image files, which npy has none of: leave it out` + "\n"},
	} {
		got := forger(t, dir, none, append([]string{"data"}, strings.Fields(args)...)...)
		assert.Equal(t, want.code, got.code, args)
		assert.Equal(t, want.line, got.errout, args)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Len(t, files, 6, "what was refused left nothing")
}
