package plots

import (
	"image/color"

	"forger/vision"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Histogram is samples of one dimension, and what is known of where they come from.
type Histogram struct {
	Real, Generated []float32               // either may be empty
	Density         func(x float64) float64 // of what the real ones are drawn from; nil: it is not known
	Map             *Map                    // nil: there is none
}

// Map is a function of one number at ascending places.
type Map struct {
	Latents, Values []float32
	Exact           []float64 // what it should be; nil: it is not known
}

// bins is how many intervals the samples' range has.
const bins = 50

// Draw is the picture: the histograms over the density, and the map beside them.
func (h Histogram) Draw() vision.Image {
	p := panel("x", "density")
	low, high := span(h.Real, h.Generated)
	p.X.Min, p.X.Max = low, high
	bars(p, "real", h.Real, low, high, gray)
	bars(p, "generated", h.Generated, low, high, blue)
	if h.Density != nil {
		through := make(plotter.XYs, 300)
		for i := range through {
			through[i].X = low + (high-low)*float64(i)/float64(len(through)-1)
			through[i].Y = h.Density(through[i].X)
		}
		curve(p, "density", through, black, true)
	}
	p.Y.Min = 0
	if h.Map == nil {
		return render(p)
	}
	return render(p, h.Map.panel())
}

// bars adds values as a histogram to p.
func bars(p *plot.Plot, name string, values []float32, low, high float64, c color.NRGBA) {
	if len(values) == 0 {
		return
	}
	h := &plotter.Histogram{Bins: histogram(values, low, high), Width: (high - low) / bins}
	h.Color, h.LineStyle.Width = c, vg.Points(.5)
	c.A = 90
	h.FillColor = c
	p.Add(h)
	p.Legend.Add(name, h)
}

// histogram is the density of values in equal intervals.
func histogram(values []float32, low, high float64) []plotter.HistogramBin {
	all, width := make([]plotter.HistogramBin, bins), (high-low)/bins
	for i := range all {
		all[i].Min, all[i].Max = low+float64(i)*width, low+float64(i+1)*width
	}
	for _, v := range values {
		if at := (float64(v) - low) / width; at >= 0 && at < bins {
			all[int(at)].Weight += 1 / (float64(len(values)) * width)
		}
	}
	return all
}

// panel is the map beside the exact one.
func (m *Map) panel() *plot.Plot {
	p := panel("z", "G(z)")
	through, exact := make(plotter.XYs, len(m.Latents)), make(plotter.XYs, len(m.Exact))
	for i, z := range m.Latents {
		through[i] = plotter.XY{X: float64(z), Y: float64(m.Values[i])}
		if m.Exact != nil {
			exact[i] = plotter.XY{X: float64(z), Y: m.Exact[i]}
		}
	}
	curve(p, "learned", through, blue, false)
	curve(p, "exact", exact, black, true)
	return p
}
