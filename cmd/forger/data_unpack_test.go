package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A large archive is unpacked with progress, once; what no image is is told.
func TestUnpackingIsShownOnce(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, 9<<20) // which no compressor makes smaller
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	var picture, file bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 4, 4))))
	z := gzip.NewWriter(&file)
	w := tar.NewWriter(z)
	for _, e := range []struct {
		name string
		body []byte
	}{{"a/1.png", picture.Bytes()}, {"a/noise.raw", noise}} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.body)), Mode: 0o644}))
		_, err := w.Write(e.body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.tgz"), file.Bytes(), 0o644))
	env := []string{"XDG_CACHE_HOME=" + filepath.Join(dir, "cache")}
	got := forger(t, dir, env, "data", "info", "tar:x.tgz")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Regexp(t, `passed over +1 file: \.raw 1\n`, got.out)
	assert.Regexp(t, `unpacking \d+/\d+ bytes`, got.errout)
	got = forger(t, dir, env, "data", "check", "tar:x.tgz", "--quiet")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Empty(t, got.errout)
	got = forger(t, dir, env, "data", "preview", "tar:x.tgz", "--out", "x.png")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Empty(t, got.errout, "it was kept")
}
