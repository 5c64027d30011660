package data

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkGlyphs is one image at 32x32 on one core.
func BenchmarkGlyphs(b *testing.B) {
	ds, err := Open("glyphs", Options{})
	require.NoError(b, err)
	dst := make([]byte, ds.Shape().Bytes())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		require.NoError(b, ds.Read(0, i%ds.Len(), dst))
		i++
	}
}

// photographs are sources of image files that hold the same eight pictures of 178x218, CelebA's size: JPEGs, and a PNG
// whose codes are of every length.
func photographs(t testing.TB) map[string]string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 178, 218))
	for i := range m.Pix {
		m.Pix[i] = byte(i*i>>7) | byte(i%4/3*255)
	}
	var j, p bytes.Buffer
	require.NoError(t, jpeg.Encode(&j, m, nil))
	require.NoError(t, png.Encode(&p, m))
	dir := t.TempDir()
	var entries []entry
	for i := range 8 {
		e := entry{string(rune('a'+i)) + ".jpg", j.Bytes(), 0}
		if i == 7 {
			e = entry{"h.png", p.Bytes(), 0}
		}
		entries = append(entries, e)
		require.NoError(t, os.WriteFile(filepath.Join(dir, e.name), e.body, 0o644))
	}
	plain := tarOf(t, entries...)
	return map[string]string{
		"folder": "folder:" + dir, "zip": "zip:" + written(t, "x.zip", zipOf(t, entries...)),
		"tar": "tar:" + written(t, "x.tar", plain), "tgz": "tar:" + written(t, "x.tgz", gzipped(t, plain)),
	}
}

// BenchmarkFiles reads JPEGs of 178x218 to 64x64.
func BenchmarkFiles(b *testing.B) {
	for kind, spec := range photographs(b) {
		b.Run(kind, func(b *testing.B) {
			ds := opened(b, spec, Options{Size: 64})
			dst := make([]byte, ds.Shape().Bytes())
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				require.NoError(b, ds.Read(0, i%7, dst))
				i++
			}
		})
	}
}
