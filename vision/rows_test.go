package vision

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A grid read a row at a time is Grid's, to the pixel.
func TestSaveGridIsGrid(t *testing.T) {
	for _, c := range []int{1, 3} {
		for _, n := range []int{1, 5, 8, 9} {
			pixels := make([]byte, n*3*5*c)
			for i := range pixels {
				pixels[i] = byte(i*31 + 7)
			}
			path := filepath.Join(t.TempDir(), "g.png")
			require.NoError(t, SaveGrid(path, bytes.NewReader(pixels), n, 3, 5, c, 4))
			var want bytes.Buffer
			require.NoError(t, EncodePNG(&want, Grid(pixels, n, 3, 5, c, 4)))
			got, err := os.Open(path)
			require.NoError(t, err)
			defer got.Close()
			a, err := png.Decode(&want)
			require.NoError(t, err)
			b, err := png.Decode(got)
			require.NoError(t, err)
			assert.Equal(t, a, b, "%d images of %d channels", n, c)
		}
	}
}

// A source that ends early leaves no file.
func TestSaveGridOfTooLittle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.png")
	err := SaveGrid(path, bytes.NewReader(make([]byte, 20)), 2, 4, 4, 1, 1)
	require.ErrorContains(t, err, "EOF")
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Empty(t, entries)
}
