package data

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
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

// BenchmarkNPY is one element of an array on one core: a point of two numbers, an image as it is in the file.
func BenchmarkNPY(b *testing.B) {
	for name, write := range map[string]func(path string) error{
		"point": func(path string) error {
			return WriteNPY(path, "<f4", []int{1 << 20, 2}, func(w io.Writer) error { _, err := w.Write(make([]byte, 8<<20)); return err })
		},
		"image": func(path string) error {
			return WriteNPY(path, "|u1", []int{4096, 64, 64, 3}, func(w io.Writer) error { _, err := w.Write(make([]byte, 48<<20)); return err })
		},
	} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "x.npy")
			require.NoError(b, write(path))
			ds := opened(b, "npy:"+path, Options{})
			order, dst, i := newOrder(1, 0, ds.Len()), make([]byte, ds.Shape().Bytes()), 0
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, ds.Read(0, order.at(i), dst))
				i = (i + 1) % ds.Len()
			}
		})
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
			ds := opened(b, spec, Options{Size: square(64)})
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
