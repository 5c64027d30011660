package vision

import (
	"fmt"
	"image"
	"image/color"
	"io"

	"forger/internal/atomicfile"
)

// SaveGrid writes the PNG of Grid, of n images that it reads from src, uint8 [H,W,C] each, as it needs them: what it
// holds is one row of the grid.
func SaveGrid(path string, src io.Reader, n, h, w, c, columns int) error {
	columns = min(columns, n)
	g := &rows{src: src, n: n, h: h, w: w, c: c, columns: columns, row: -1, images: make([]byte, columns*h*w*c)}
	err := atomicfile.Write(path, func(out io.Writer) error { return g.encode(out) })
	if err != nil {
		return fmt.Errorf("vision: %w", err)
	}
	return nil
}

// rows is a grid as an image that can be looked at from the top down, once.
type rows struct {
	src          io.Reader
	n, h, w, c   int
	columns, row int    // row: of images, the one in memory
	images       []byte // uint8 [columns,H,W,C]
	held         int    // how many there are
	err          error
}

func (g *rows) encode(out io.Writer) error {
	err := pngEncoder.Encode(out, g)
	if g.err != nil {
		return g.err // what was encoded since then is nothing
	}
	return err
}

// Opaque spares the encoder a look at every pixel.
func (g *rows) Opaque() bool { return true }

// ColorModel is gray or RGB.
func (g *rows) ColorModel() color.Model {
	if g.c == 1 {
		return color.GrayModel
	}
	return color.NRGBAModel
}

// Bounds is those of Grid.
func (g *rows) Bounds() image.Rectangle {
	down := (g.n + g.columns - 1) / g.columns
	return image.Rect(0, 0, g.columns*(g.w+gridPadding)+gridPadding, down*(g.h+gridPadding)+gridPadding)
}

// At reads the row of images that y is in, when it is not the one in memory.
func (g *rows) At(x, y int) color.Color {
	row, column := (y-gridPadding)/(g.h+gridPadding), (x-gridPadding)/(g.w+gridPadding)
	y, x = y-gridPadding-row*(g.h+gridPadding), x-gridPadding-column*(g.w+gridPadding)
	if y < 0 || x < 0 || y >= g.h || x >= g.w {
		return g.color(nil)
	}
	if row != g.row {
		g.read(row)
	}
	if g.err != nil || column >= g.held {
		return g.color(nil)
	}
	return g.color(g.images[((column*g.h+y)*g.w+x)*g.c:])
}

func (g *rows) read(row int) {
	g.row, g.held = row, min(g.columns, g.n-row*g.columns)
	if g.err == nil {
		_, g.err = io.ReadFull(g.src, g.images[:g.held*g.h*g.w*g.c])
	}
}

// color is a pixel's, or black.
func (g *rows) color(pixel []byte) color.Color {
	switch {
	case g.c == 1 && pixel == nil:
		return color.Gray{}
	case g.c == 1:
		return color.Gray{Y: pixel[0]}
	case pixel == nil:
		return color.NRGBA{A: 255}
	}
	return color.NRGBA{R: pixel[0], G: pixel[1], B: pixel[2], A: 255}
}
