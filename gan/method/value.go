package method

import "math"

// valueFigures are what the mean of -V says, V = E log D(x) + E log(1-D(G(z))). The best discriminator has V = 2 JS - log 4 with JS
// the Jensen-Shannon divergence of what it is shown, in nats (Goodfellow et al. 2014, theorem 1); any other has less.
func valueFigures(loss string) []Figure {
	return []Figure{
		{"value_gap", loss, func(minusV float64) float64 { return math.Log(4) - minusV }},
		{"js_estimate", loss, func(minusV float64) float64 { return (math.Log(4) - minusV) / 2 }},
	}
}
