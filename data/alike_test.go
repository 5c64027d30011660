package data

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scene is a smooth picture of a side, another for each number, the same at every side.
func scene(number, side int, light float64) image.Image {
	r := rand.New(rand.NewPCG(uint64(number), 1))
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	var spots [6][4]float64
	for i := range spots {
		spots[i] = [4]float64{r.Float64(), r.Float64(), .02 + .1*r.Float64(), 200 * r.Float64()}
	}
	for y := range side {
		for x := range side {
			v := 20.
			for _, s := range spots {
				dx, dy := (float64(x)+.5)/float64(side)-s[0], (float64(y)+.5)/float64(side)-s[1]
				if dx*dx+dy*dy < s[2] {
					v += s[3]
				}
			}
			v = min(255, v*light)
			m.Set(x, y, color.RGBA{R: byte(v), G: byte(v / 2), B: byte(255 - v), A: 255})
		}
	}
	return m
}

// A copy is found, and so is one that was saved again, at another size or a little darker; other pictures are not like it.
func TestPicturesThatAreAlike(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, m image.Image, quality int) {
		var b bytes.Buffer
		if quality > 0 {
			require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}))
		} else {
			require.NoError(t, png.Encode(&b, m))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644))
	}
	for i := range 40 {
		save(string(rune('A'+i/10))+string(rune('0'+i%10))+".png", scene(i, 96, 1), 0)
	}
	save("Z1 copy.png", scene(3, 96, 1), 0)
	save("Z2 again.jpg", scene(7, 96, 1), 80)
	save("Z3 smaller.jpg", scene(12, 61, 1), 90)
	save("Z4 darker.png", scene(33, 96, .98), 0)
	report, err := Check(t.Context(), opened(t, "folder:"+dir, Options{Size: square(32)}), CheckOptions{})
	require.NoError(t, err)
	assert.Equal(t, 44, report.Images)
	assert.Equal(t, 43, report.Distinct)
	at := func(name string) string { return filepath.Join(dir, name) }
	assert.Equal(t, []Alike{
		{Image: 40, File: at("Z1 copy.png"), Before: 3, Like: at("A3.png"), Same: true},
		{Image: 41, File: at("Z2 again.jpg"), Before: 7, Like: at("A7.png")},
		{Image: 42, File: at("Z3 smaller.jpg"), Before: 12, Like: at("B2.png")},
		{Image: 43, File: at("Z4 darker.png"), Before: 33, Like: at("D3.png")},
	}, report.Alike)

	report, err = Check(t.Context(), opened(t, "ring8", Options{}), CheckOptions{})
	require.NoError(t, err)
	assert.Zero(t, report.Distinct)
	assert.Empty(t, report.Alike)
}
