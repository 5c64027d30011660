package plots

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changed is the smallest rectangle that holds every pixel in which two pictures differ.
func changed(t *testing.T, a, b vision.Image) (r image.Rectangle) {
	t.Helper()
	require.Equal(t, [2]int{a.Height, a.Width}, [2]int{b.Height, b.Width})
	for y := range a.Height {
		for x := range a.Width {
			for c := range 3 {
				if at := (y*a.Width+x)*3 + c; a.Pix[at] != b.Pix[at] {
					r = r.Union(image.Rect(x, y, x+1, y+1))
				}
			}
		}
	}
	return r
}

func normal(n int) []float32 {
	r, values := rand.New(rand.NewPCG(1, 2)), make([]float32, n)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	return values
}

// A point stands where its numbers say, on axes that are alike.
func TestPointsStandWhereTheyBelong(t *testing.T) {
	corners := []float32{-1, -1, 1, 1}
	place := func(x, y float32) (px, py float64) {
		r := changed(t, Scatter{Generated: append(corners, x, y)}.Draw(), Scatter{Generated: append(corners, -1, -1)}.Draw())
		low := changed(t, Scatter{Generated: append(corners, -1, -1)}.Draw(), Scatter{Generated: corners}.Draw()) // drawn twice: darker
		return float64(r.Max.X - low.Max.X), float64(low.Min.Y - r.Min.Y)
	}
	right, _ := place(.5, -1)
	_, up := place(-1, .5)
	assert.Greater(t, right, 250.)
	assert.InDelta(t, right, up, 1, "one scale")
	half, _ := place(-.25, -1)
	assert.InDelta(t, right/2, half, 1)
}

// Contours are the scores': asked for all over the square, and absent where there is nothing to tell.
func TestContours(t *testing.T) {
	samples := []float32{-1, -1, 1, 1}
	without := Scatter{Generated: samples}.Draw()
	ring := func(at []float32) (scores []float32) {
		assert.Len(t, at, 2*cells*cells)
		low, high := float32(math.Inf(1)), float32(math.Inf(-1))
		for i := 0; i < len(at); i += 2 {
			low, high = min(low, at[i]), max(high, at[i])
			scores = append(scores, float32(math.Hypot(float64(at[i]), float64(at[i+1]))))
		}
		assert.InDelta(t, -1.1, low, .02)
		assert.InDelta(t, 1.1, high, .02)
		assert.LessOrEqual(t, at[1], low, "the wider axis")
		return scores
	}
	assert.Greater(t, changed(t, without, Scatter{Generated: samples, Score: ring}.Draw()).Dx(), 400)
	for name, value := range map[string]float64{"flat": 3, "not a number": math.NaN(), "infinite": math.Inf(1)} {
		flat := func(at []float32) []float32 {
			scores := make([]float32, len(at)/2)
			for i := range scores {
				scores[i] = 3
			}
			scores[7] = float32(value)
			return scores
		}
		assert.Equal(t, without, Scatter{Generated: samples, Score: flat}.Draw(), name)
	}
}

// The bars of a histogram have the area 1, whatever the number of samples; numpy.histogram(density=True) has the same.
func TestBars(t *testing.T) {
	all := histogram([]float32{0, .1, .1, .9, 2.5, 1}, 0, 5)
	require.Len(t, all, bins)
	area := 0.0
	for _, b := range all {
		area += b.Weight * (b.Max - b.Min)
	}
	assert.InDelta(t, 1, area, 1e-12)
	assert.InDelta(t, 1/.6, all[0].Weight, 1e-9)
	assert.InDelta(t, 2/.6, all[1].Weight, 1e-9)
	assert.Zero(t, all[2].Weight)
	assert.InDelta(t, 1/.6, all[25].Weight, 1e-9)
	for _, b := range histogram([]float32{float32(math.NaN()), float32(math.Inf(1)), 3}, 3, 3.0000001) {
		assert.False(t, math.IsNaN(b.Weight))
	}
}

// Each part of the picture of one dimension is there when it is given, and a map adds a panel.
func TestHistogramParts(t *testing.T) {
	some, other := normal(200), normal(210)[10:]
	m := &Map{Latents: []float32{0, .5, 1}, Values: []float32{-1, .2, 1}}
	exact := *m
	exact.Exact = []float64{-2, 0, 2}
	pictures := []vision.Image{
		Histogram{Real: some}.Draw(), Histogram{Generated: some}.Draw(), Histogram{Real: some, Generated: other}.Draw(),
		Histogram{Real: some, Density: density}.Draw(), Histogram{Real: some, Map: m}.Draw(), Histogram{Real: some, Map: &exact}.Draw(),
		Histogram{Real: some, Judge: half}.Draw(), Histogram{Generated: some, Judge: half}.Draw(), Histogram{Generated: some, Judge: half, Density: density}.Draw(),
	}
	for i, a := range pictures {
		for k, b := range pictures[:i] {
			assert.NotEqual(t, a, b, "%d is %d", i, k)
		}
	}
	assert.Equal(t, 2*pictures[0].Width, pictures[4].Width)
	assert.Equal(t, 2*pictures[0].Width, pictures[6].Width)
	assert.Equal(t, 3*pictures[0].Width, Histogram{Real: some, Map: m, Judge: half}.Draw().Width)
}

// The best discriminator is p/(p+q): the density, and the samples' share of an interval over its width.
func TestTheBestDiscriminator(t *testing.T) {
	h := Histogram{Generated: []float32{.05, .05, .05, .25}, Density: density}
	best := h.best(0, 5)
	require.Len(t, best, bins)
	for i, q := range map[int]float64{0: 7.5, 1: 0, 2: 2.5} {
		x := .1*float64(i) + .05
		assert.InDelta(t, x, best[i].X, 1e-12)
		assert.InDelta(t, density(x)/(density(x)+q), best[i].Y, 1e-12)
	}
	asked := false
	h.Judge = func(points []float32) []float32 {
		asked = true
		require.Len(t, points, bins)
		low, high := span(h.Generated)
		assert.InDelta(t, low+(high-low)/(2*bins), points[0], 1e-6, "the middle of the first interval")
		return points
	}
	h.Draw()
	assert.True(t, asked)
}

// density is that of N(0,1).
func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// half is a discriminator that knows nothing.
func half(points []float32) []float32 {
	all := make([]float32, len(points))
	for i := range all {
		all[i] = .5
	}
	return all
}

// One picture has one sequence of bytes, and no samples are too odd to be drawn.
func TestPicturesAreRepeatable(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for name, draw := range map[string]func() vision.Image{
		"scatter":   func() vision.Image { return Scatter{Real: normal(100), Generated: normal(80)}.Draw() },
		"histogram": func() vision.Image { return Histogram{Real: normal(100), Generated: normal(50)}.Draw() },
		"none":      func() vision.Image { return Scatter{}.Draw() },
		"no bars":   func() vision.Image { return Histogram{}.Draw() },
		"one":       func() vision.Image { return Scatter{Generated: []float32{2, 2, 2, 2}}.Draw() },
		"one bar":   func() vision.Image { return Histogram{Generated: []float32{2, 2}}.Draw() },
		"odd":       func() vision.Image { return Scatter{Generated: []float32{nan, 1, 2, inf, 0, 0}}.Draw() },
		"odd bars":  func() vision.Image { return Histogram{Generated: []float32{nan, inf, 0, 1}}.Draw() },
		"odd map": func() vision.Image {
			return Histogram{Map: &Map{Latents: []float32{0, 1}, Values: []float32{nan, nan}}}.Draw()
		},
	} {
		m := draw()
		assert.Equal(t, m, draw(), name)
		assert.Len(t, m.Pix, 3*m.Height*m.Width, name)
	}
}
