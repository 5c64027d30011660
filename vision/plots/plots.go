// Package plots draws samples of points: of one dimension a histogram, of two a scatter.
package plots

import (
	"image/color"
	"math"

	"forger/vision"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Colours that differ for the colour-blind too (Okabe and Ito 2008).
var (
	black = color.NRGBA{A: 255}
	gray  = color.NRGBA{R: 130, G: 130, B: 130, A: 255}
	blue  = color.NRGBA{R: 0, G: 114, B: 178, A: 255}
)

const (
	panelSide = 5 * vg.Inch
	dpi       = 120
	thick     = 1.5           // points, of a curve
	above     = vg.Length(56) // a panel, where its legend is
)

// panel is an empty plot in this package's type.
func panel(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, f := range []*font.Font{
		&p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font, &p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font,
	} {
		f.Variant, f.Size = "Sans", 10
	}
	p.X.Padding, p.Y.Padding = 0, 0
	p.Legend.Top, p.Legend.YOffs, p.Legend.Padding, p.Legend.ThumbnailWidth = true, above, vg.Points(2), vg.Points(18)
	return p
}

// sheet is the canvas of so many panels side by side.
func sheet(panels int) *vgimg.Canvas {
	return vgimg.NewWith(vgimg.UseWH(panelSide*vg.Length(panels), panelSide+above), vgimg.UseDPI(dpi))
}

// cell is where panel i of a sheet is.
func cell(c *vgimg.Canvas, i int) draw.Canvas {
	dc, left := draw.New(c), panelSide*vg.Length(i)
	return draw.Crop(dc, left+vg.Points(6), left+panelSide-vg.Points(12)-dc.Max.X, vg.Points(6), -above-vg.Points(6))
}

// render draws panels side by side.
func render(panels ...*plot.Plot) vision.Image {
	c := sheet(len(panels))
	for i, p := range panels {
		p.Draw(cell(c, i))
	}
	b := c.Image().Bounds()
	m := vision.Image{Height: b.Dy(), Width: b.Dx(), Channels: 3, Pix: make([]byte, 0, 3*b.Dx()*b.Dy())}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			of := color.NRGBAModel.Convert(c.Image().At(x, y)).(color.NRGBA)
			m.Pix = append(m.Pix, of.R, of.G, of.B)
		}
	}
	return m
}

// oneScale makes a step along x as long as one along y, by widening the range of one.
func oneScale(p *plot.Plot) {
	size := p.DataCanvas(cell(sheet(1), 0)).Size()
	widen := func(a *plot.Axis, by float64) {
		middle, half := (a.Min+a.Max)/2, (a.Max-a.Min)/2*by
		a.Min, a.Max = middle-half, middle+half
	}
	if ratio := float64(size.X / size.Y); ratio > 1 {
		widen(&p.X, ratio)
	} else {
		widen(&p.Y, 1/ratio)
	}
}

// curve adds a line through points to p; one through no two of them is none.
func curve(p *plot.Plot, name string, through plotter.XYs, c color.Color, dashed bool) {
	l, err := plotter.NewLine(through)
	if err != nil { // there are none, or one is not finite
		return
	}
	l.Color, l.Width = c, vg.Points(thick)
	if dashed {
		l.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
	}
	p.Add(l)
	p.Legend.Add(name, l)
}

// span is where the finite ones of numbers lie, with a margin.
func span(of ...[]float32) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, values := range of {
		for _, v := range values {
			if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
				low, high = min(low, x), max(high, x)
			}
		}
	}
	if low > high { // none is
		return -1, 1
	}
	margin := .05 * (high - low)
	if margin == 0 {
		margin = 1
	}
	return low - margin, high + margin
}
