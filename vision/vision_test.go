package vision

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pattern is golden_vision.py's pixels().
func pattern(h, w, c int) Image {
	m := Image{Pix: make([]byte, h*w*c), Height: h, Width: w, Channels: c}
	for y := range h {
		for x := range w {
			for k := range c {
				m.Pix[(y*w+x)*c+k] = byte(x*7 + y*13 + k*50 + x*y*(k+3)%97 + x/3%2*90)
			}
		}
	}
	return m
}

// The same bytes as torchvision, for shrinking and growing, gray and colour, odd shapes.
func TestFitIsTorchvisionsResizeAndCenterCrop(t *testing.T) {
	text, err := os.ReadFile("testdata/resize.json")
	require.NoError(t, err)
	var golden struct {
		Cases []struct {
			H, W, C, Size int
			Out           []byte
		}
	}
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Len(t, golden.Cases, 11)
	var r Resizer
	for _, c := range golden.Cases {
		dst := make([]byte, c.Size*c.Size*c.C)
		r.Fit(dst, pattern(c.H, c.W, c.C), Square(c.Size))
		assert.Equal(t, c.Out, dst, "%dx%dx%d to %d", c.H, c.W, c.C, c.Size)
	}
}

// Of sizes that are no squares too.
func TestFitIsTorchvisionsWhereTheSizeIsOblong(t *testing.T) {
	text, err := os.ReadFile("testdata/oblong.json")
	require.NoError(t, err)
	var golden struct {
		Cases []struct {
			H, W, C, Height, Width int
			Out                    []byte
		}
	}
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Len(t, golden.Cases, 9)
	var r Resizer
	for _, c := range golden.Cases {
		dst := make([]byte, c.Height*c.Width*c.C)
		r.Fit(dst, pattern(c.H, c.W, c.C), Size{c.Height, c.Width})
		assert.Equal(t, c.Out, dst, "%dx%dx%d to %dx%d", c.H, c.W, c.C, c.Height, c.Width)
	}
}

func TestASizeIsANumberOrTwo(t *testing.T) {
	for text, want := range map[string]Size{"64": Square(64), "0": {}, "128x64": {128, 64}, "64x64": Square(64)} {
		var s Size
		require.NoError(t, s.Set(text))
		assert.Equal(t, want, s)
		for _, form := range []struct {
			write func(any) ([]byte, error)
			read  func([]byte, any) error
		}{{json.Marshal, json.Unmarshal}, {yaml.Marshal, yaml.Unmarshal}} {
			written, err := form.write(struct{ Size Size }{want})
			require.NoError(t, err)
			var back struct{ Size Size }
			require.NoError(t, form.read(written, &back), string(written))
			assert.Equal(t, want, back.Size)
		}
	}
	for _, text := range []string{"", "x", "64x", "x64", "-64", "64x-1", "64x0", "0x64", "64 x 64", "6.5", "9999999999", "64x64x3"} {
		var s Size
		assert.ErrorContains(t, s.Set(text), "is no size: write one number, or HEIGHTxWIDTH", text)
		assert.Zero(t, s)
	}
}

func TestFitAllocatesNothingOnceWarm(t *testing.T) {
	var r Resizer
	m, dst := pattern(218, 178, 3), make([]byte, 64*64*3)
	assert.Zero(t, testing.AllocsPerRun(10, func() { r.Fit(dst, m, Square(64)) }))
}

func encode(t *testing.T, m image.Image, to func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, to(&b))
	return b.Bytes()
}

func TestDecodeKnowsItsFormats(t *testing.T) {
	red := image.NewNRGBA(image.Rect(0, 0, 8, 6))
	for i := range 8 * 6 {
		copy(red.Pix[4*i:], []byte{200, 40, 20, 255})
	}
	gray := image.NewGray(image.Rect(0, 0, 8, 6))
	for i := range gray.Pix {
		gray.Pix[i] = 77
	}
	palette := image.NewPaletted(image.Rect(0, 0, 8, 6), color.Palette{color.NRGBA{200, 40, 20, 255}})
	clear := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	copy(clear.Pix, []byte{0, 100, 255, 51}) // a fifth
	for name, c := range map[string]struct {
		file  []byte
		rgb   [3]byte
		gray  byte
		slack float64
	}{
		"png":  {encode(t, red, func(b *bytes.Buffer) error { return png.Encode(b, red) }), [3]byte{200, 40, 20}, 86, 0},
		"jpeg": {encode(t, red, func(b *bytes.Buffer) error { return jpeg.Encode(b, red, nil) }), [3]byte{200, 40, 20}, 86, 4},
		"gif":  {encode(t, red, func(b *bytes.Buffer) error { return gif.Encode(b, palette, nil) }), [3]byte{200, 40, 20}, 86, 0},
		"gray png": {
			encode(t, gray, func(b *bytes.Buffer) error { return png.Encode(b, gray) }), [3]byte{77, 77, 77}, 77, 0,
		},
		"gray jpeg": {
			encode(t, gray, func(b *bytes.Buffer) error { return jpeg.Encode(b, gray, nil) }), [3]byte{77, 77, 77}, 77, 1,
		},
		"transparent over white": {
			encode(t, clear, func(b *bytes.Buffer) error { return png.Encode(b, clear) }), [3]byte{204, 224, 255}, 222, 0,
		},
	} {
		m, err := Decode(c.file, 3)
		require.NoError(t, err, name)
		for k := range 3 {
			assert.InDelta(t, c.rgb[k], m.Pix[k], c.slack, name)
		}
		m, err = Decode(c.file, 1)
		require.NoError(t, err, name)
		assert.InDelta(t, c.gray, m.Pix[0], c.slack, name)
		_, err = Decode(c.file[:len(c.file)*2/3], 3)
		assert.Error(t, err, "%s cut off", name)
	}
	_, err := Decode([]byte("hello"), 3)
	assert.EqualError(t, err, "not a JPEG, PNG, GIF, WebP, BMP, TIFF or PPM file")
}

func TestDecodeRefusesABombBeforeItIsUnpacked(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 4, 4))
	// A GIF's header holds its size without a checksum.
	file := encode(t, m, func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) })
	copy(file[6:10], []byte{0xff, 0xff, 0xff, 0xff})
	_, err := Decode(file, 3)
	assert.EqualError(t, err, "65535x65535: more than 178956970 pixels")
}

func TestGridIsTorchvisionsMakeGrid(t *testing.T) {
	g := Grid([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 2, 2, 1, 2)
	assert.Equal(t, 10, g.Height)
	assert.Equal(t, 10, g.Width)
	assert.Equal(t, []byte{0, 0, 1, 2, 0, 0, 5, 6, 0, 0}, g.Pix[20:30])
	assert.Equal(t, []byte{0, 0, 3, 4, 0, 0, 7, 8, 0, 0}, g.Pix[30:40])
	assert.Equal(t, []byte{0, 0, 9, 10, 0, 0, 0, 0, 0, 0}, g.Pix[60:70])
}

func TestSavePNGWritesWholePicturesOnly(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []int{1, 3} {
		path := filepath.Join(dir, "grid.png")
		want := pattern(12, 9, c)
		require.NoError(t, SavePNG(path, want))
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := Decode(file, c)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	err := SavePNG(filepath.Join(dir, "absent", "grid.png"), pattern(2, 2, 1))
	assert.ErrorContains(t, err, "vision: open "+dir)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func BenchmarkFit(b *testing.B) {
	var r Resizer
	m, dst := pattern(218, 178, 3), make([]byte, 64*64*3)
	b.ReportAllocs()
	for b.Loop() {
		r.Fit(dst, m, Square(64))
	}
}
