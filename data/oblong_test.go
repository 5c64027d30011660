package data

import (
	"os"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every source of images brings them to a size that is no square, pixels as vision makes them.
func TestImagesOfASizeThatIsNoSquare(t *testing.T) {
	size := vision.Size{Height: 8, Width: 4}
	specs := kinds(t)
	specs["glyphs"] = "glyphs"
	specs["npy"] = "npy:" + dumped(t, opened(t, specs["folder"], Options{Size: square(9)}))
	specs["several"] = specs["mnist"] + " + " + specs["folder"]
	for kind, spec := range specs {
		ds := opened(t, spec, Options{Size: size})
		assert.Equal(t, size, ds.Shape().Size(), kind)
		read(t, ds, 0, 1)
	}
	ds := opened(t, specs["folder"], Options{Size: size}).(*imageFiles)
	file, err := os.ReadFile(ds.file(3))
	require.NoError(t, err)
	want := make([]byte, 8*4*3)
	require.NoError(t, vision.NewReader(vision.Options{}).Fit(want, file, size))
	assert.Equal(t, want, read(t, ds, 0, 3))

	packed := opened(t, "packed:"+pack(t, ds), Options{})
	assert.Equal(t, size, packed.Shape().Size())
	assert.Equal(t, want, read(t, packed, 0, 3))
	_, err = Open("packed:"+pack(t, ds), Options{Size: square(8)})
	assert.ErrorContains(t, err, "its images are 8x4, asked for is 8: use --size 8x4, or pack")
	assert.Equal(t, size, opened(t, "packed:"+pack(t, ds)+" + "+specs["folder"], Options{}).Shape().Size(), "the others are like the first")
}

// A digit keeps its proportions: what is added to a side is black, and the middle is the square picture.
func TestAGlyphOfASizeThatIsNoSquareIsNotStretched(t *testing.T) {
	plain, wide := opened(t, "glyphs", Options{Size: square(16)}), opened(t, "glyphs", Options{Size: vision.Size{Height: 16, Width: 32}})
	high := opened(t, "glyphs", Options{Size: vision.Size{Height: 32, Width: 16}})
	for i := range 20 {
		want, across, down := read(t, plain, 0, i), read(t, wide, 0, i), read(t, high, 0, i)
		for y := range 16 {
			assert.InDeltaSlice(t, want[16*y:16*y+16], across[32*y+8:32*y+24], 1, "%d: row %d", i, y)
			assert.InDeltaSlice(t, want[16*y:16*y+16], down[16*(y+8):16*(y+8)+16], 1, "%d: row %d", i, y)
		}
	}
}
