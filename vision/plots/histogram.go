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
	// Judge is the probability of being real that a discriminator gives points [N], [N]; nil: there is none. Beside it is drawn the
	// best that could be said of these samples, p/(p+q) (Goodfellow et al. 2014, proposition 1).
	Judge func(points []float32) []float32
}

// Map is a function of one number at ascending places.
type Map struct {
	Latents, Values []float32
	Exact           []float64 // what it should be; nil: it is not known
}

// bins is how many intervals the samples' range has.
const bins = 50

// Draw is the picture: the histograms over the density, and beside them the map and the discriminator.
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
	panels := []*plot.Plot{p}
	if h.Map != nil {
		panels = append(panels, h.Map.panel())
	}
	if h.Judge != nil {
		panels = append(panels, h.judged(low, high))
	}
	return render(panels...)
}

// judged is what the discriminator says at the middle of each interval, beside the best that could be said there.
func (h Histogram) judged(low, high float64) *plot.Plot {
	p := panel("x", "D(x)")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, 0, 1
	places := make([]float32, bins)
	for i := range places {
		places[i] = float32(low + (high-low)*(float64(i)+.5)/bins)
	}
	said := make(plotter.XYs, bins)
	for i, d := range h.Judge(places) {
		said[i] = plotter.XY{X: float64(places[i]), Y: float64(d)}
	}
	curve(p, "D", said, blue, false)
	if h.Density != nil && len(h.Generated) > 0 {
		curve(p, "p/(p+q)", h.best(low, high), black, true)
	}
	return p
}

// best is p/(p+q) at the middle of each interval: p by the density, q by the histogram of the generated.
func (h Histogram) best(low, high float64) plotter.XYs {
	all := make(plotter.XYs, bins)
	for i, q := range histogram(h.Generated, low, high) {
		x := (q.Min + q.Max) / 2
		p := h.Density(x)
		all[i] = plotter.XY{X: x, Y: p / (p + q.Weight)}
	}
	return all
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
