package plots

import (
	"image/color"
	"math"
	"slices"

	"forger/vision"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Scatter is samples of two dimensions, [N,2].
type Scatter struct {
	Real, Generated []float32 // either may be empty
	// Score is what a discriminator makes of points [N,2], [N]; nil: there is none.
	Score func(points []float32) []float32
}

// cells is how many places along a side have their scores.
const cells = 100

// Draw is the picture, with one scale on both axes: the scores' contours, and over them the samples.
func (s Scatter) Draw() vision.Image {
	p := panel("x", "y")
	low, high := span(s.Real, s.Generated)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, low, high
	oneScale(p)
	if s.Score != nil {
		contours(p, s.Score)
	}
	dots(p, "generated", s.Generated, blue, vg.Points(1.4))
	dots(p, "real", s.Real, black, vg.Points(.7))
	return render(p)
}

// dots adds points to p.
func dots(p *plot.Plot, name string, values []float32, c color.NRGBA, radius vg.Length) {
	var at plotter.XYs
	for i := 0; i+1 < len(values); i += 2 {
		if x, y := float64(values[i]), float64(values[i+1]); !math.IsNaN(x+y) && !math.IsInf(x+y, 0) {
			at = append(at, plotter.XY{X: x, Y: y})
		}
	}
	if len(at) == 0 {
		return
	}
	c.A = 160
	s := &plotter.Scatter{XYs: at, GlyphStyle: draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}}
	p.Add(s)
	c.A = 255
	p.Legend.Add(name, &plotter.Scatter{GlyphStyle: draw.GlyphStyle{Color: c, Radius: vg.Points(2.5), Shape: draw.CircleGlyph{}}})
}

// surface is scores at the middle of each cell of what two axes show.
type surface struct {
	x, y   plot.Axis
	scores []float32
}

// middle is that of cell i along an axis.
func middle(a plot.Axis, i int) float64 { return a.Min + (a.Max-a.Min)*(float64(i)+.5)/cells }

func (s surface) Dims() (c, r int)   { return cells, cells }
func (s surface) Z(c, r int) float64 { return float64(s.scores[r*cells+c]) }
func (s surface) X(c int) float64    { return middle(s.x, c) }
func (s surface) Y(r int) float64    { return middle(s.y, r) }

// levels is how many contours there are, at the scores' quantiles.
const levels = 9

// contours adds lines of equal score to p, from blue (generated) to orange (real).
func contours(p *plot.Plot, score func([]float32) []float32) {
	s := surface{x: p.X, y: p.Y}
	at := make([]float32, 0, 2*cells*cells)
	for r := range cells {
		for c := range cells {
			at = append(at, float32(s.X(c)), float32(s.Y(r)))
		}
	}
	s.scores = score(at)
	sorted := slices.Clone(s.scores)
	slices.Sort(sorted)
	if last := sorted[len(sorted)-1]; !(last > sorted[0]) || math.IsInf(float64(last-sorted[0]), 0) { // flat, or not finite
		return
	}
	var heights []float64
	for i := range levels {
		heights = append(heights, float64(sorted[(i+1)*len(sorted)/(levels+1)]))
	}
	c := plotter.NewContour(s, slices.Compact(heights), ramp{})
	c.LineStyles[0].Width = vg.Points(.7)
	p.Add(c)
	colors := ramp{}.Colors()
	for i, name := range []string{"D low", "D high"} {
		l := &plotter.Line{LineStyle: c.LineStyles[0]}
		l.Color, l.Width = colors[i*(len(colors)-1)], vg.Points(thick)
		p.Legend.Add(name, l)
	}
}

// ramp is the contours' colours.
type ramp struct{}

// Colors go from blue by gray to orange.
func (ramp) Colors() []color.Color {
	low, middle, high := [3]float64{86, 180, 233}, [3]float64{190, 190, 190}, [3]float64{230, 159, 0}
	var all []color.Color
	for i := range 2*levels - 1 {
		a, b, t := low, middle, float64(i)/(levels-1)
		if t > 1 {
			a, b, t = middle, high, t-1
		}
		mixed := func(k int) uint8 { return uint8(math.Round(a[k] + t*(b[k]-a[k]))) }
		all = append(all, color.NRGBA{R: mixed(0), G: mixed(1), B: mixed(2), A: 255})
	}
	return all
}
