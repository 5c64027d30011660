package vision

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
)

// BenchmarkReader is a file of CelebA's size, to 64x64: what a loader's worker does for an image.
func BenchmarkReader(b *testing.B) {
	m := pattern(218, 178, 3)
	for i := range m.Pix { // smooth, as photographs are
		x, y := i/3%178, i/3/178
		m.Pix[i] = byte(x + y/2 + i%3*20 + int(m.Pix[i]%16))
	}
	var j, p, g, w bytes.Buffer
	rgba := image.NewRGBA(image.Rect(0, 0, 178, 218))
	for i := range 178 * 218 {
		copy(rgba.Pix[4*i:], m.Pix[3*i:3*i+3])
		rgba.Pix[4*i+3] = 255
	}
	require.NoError(b, jpeg.Encode(&j, rgba, &jpeg.Options{Quality: 90}))
	require.NoError(b, EncodePNG(&p, m))
	require.NoError(b, gif.Encode(&g, rgba, nil))
	require.NoError(b, bmp.Encode(&w, rgba))
	for _, c := range []struct {
		name string
		file []byte
		o    Options
	}{{"JPEG", j.Bytes(), Options{}}, {"JPEG,fast", j.Bytes(), Options{FastDecode: true}}, {"PNG", p.Bytes(), Options{}},
		{"GIF", g.Bytes(), Options{}}, {"BMP", w.Bytes(), Options{}}} {
		b.Run(c.name, func(b *testing.B) {
			r, dst := NewReader(c.o), make([]byte, 64*64*3)
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Fit(dst, c.file, Square(64)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
