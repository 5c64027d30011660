package plots

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"forger/vision"
)

func TestLook(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var real, fake []float32
	for i := range 2500 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i%8) / 8)
		real = append(real, float32(cos+.01*r.NormFloat64()), float32(sin+.01*r.NormFloat64()))
		sin, cos = math.Sincos(2 * math.Pi * float64(i%7) / 8)
		fake = append(fake, float32(cos+.05*r.NormFloat64()), float32(sin+.05*r.NormFloat64()))
	}
	start := time.Now()
	m := Scatter{Real: real, Generated: fake, Score: func(x []float32) (y []float32) {
		for i := 0; i < len(x); i += 2 {
			y = append(y, float32(-math.Abs(math.Hypot(float64(x[i]), float64(x[i+1]))-1)))
		}
		return y
	}}.Draw()
	t.Log(time.Since(start))
	os.MkdirAll("/tmp/toys", 0o755)
	vision.SavePNG("/tmp/toys/scatter.png", m)
	start = time.Now()
	real, fake = nil, nil
	for range 2500 {
		real = append(real, float32(r.NormFloat64()))
		fake = append(fake, float32(1.1*r.NormFloat64()))
	}
	mp := &Map{}
	for i := range 200 {
		u := (float64(i) + .5) / 200
		mp.Latents = append(mp.Latents, float32(u))
		mp.Values = append(mp.Values, float32(5*(u-.5)))
		mp.Exact = append(mp.Exact, math.Sqrt2*math.Erfinv(2*u-1))
	}
	m = Histogram{real, fake, func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }, mp}.Draw()
	t.Log(time.Since(start))
	vision.SavePNG("/tmp/toys/hist.png", m)
}
