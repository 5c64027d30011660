package data

import "math"

// ring8 is eight modes on the unit circle, of variance .01^2 (PacGAN, Lin et al. 2018).
var ring8 = &Mixture{Means: circle(8), SD: .01}

// circle is n points on the unit circle.
func circle(n int) (points [][]float64) {
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		points = append(points, []float64{cos, sin})
	}
	return points
}
