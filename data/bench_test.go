package data

import (
	"bytes"
	"image"
	"image/jpeg"
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

// BenchmarkFolder reads JPEGs of 178x218, CelebA's size, to 64x64.
func BenchmarkFolder(b *testing.B) {
	dir := b.TempDir()
	m := image.NewNRGBA(image.Rect(0, 0, 178, 218))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i >> 7)
	}
	var file bytes.Buffer
	require.NoError(b, jpeg.Encode(&file, m, nil))
	for i := range 8 {
		require.NoError(b, os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".jpg"), file.Bytes(), 0o644))
	}
	ds, err := Open("folder:"+dir, Options{Size: 64})
	require.NoError(b, err)
	defer ds.Close()
	dst := make([]byte, ds.Shape().Bytes())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		require.NoError(b, ds.Read(0, i%8, dst))
		i++
	}
}
