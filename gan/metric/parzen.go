package metric

import (
	"math"

	"forger/torch"
)

// Parzen's windows as the 2014 paper fits them: their width is chosen among ten on so many real samples, and the others
// are scored.
const (
	parzenWidths   = 10
	parzenValidate = 1000
)

// parzen is the mean log-likelihood of real samples under normals of one width around the generated ones (Goodfellow et al.
// 2014, section 5; Breuleux et al. 2011). Pixels count in [0,1], as there. The first real samples, 1,000 or half of them,
// choose the width from logspace(-1, 0, 10); se is the standard error of the mean over the others.
func parzen(s *torch.Scope, p Pair, _ Options) Result {
	real, centres := p.Real.X.To(torch.Float64), p.Fake.X.To(torch.Float64)
	if p.Images {
		real, centres = real.Affine(.5, .5), centres.Affine(.5, .5)
	}
	n := real.Shape()[0]
	validate := min(parzenValidate, n/2)
	widths := make([]float64, parzenWidths)
	for i := range widths {
		widths[i] = math.Pow(10, -1+float64(i)/(parzenWidths-1))
	}
	best, width := math.Inf(-1), 0.
	for i, values := range logDensities(s, real.Slice(0, 0, validate, 1), centres, widths) {
		if mean, _ := meanAndSE(values); mean > best {
			best, width = mean, widths[i]
		}
	}
	mean, se := meanAndSE(logDensities(s, real.Slice(0, validate, n, 1), centres, []float64{width})[0])
	r := Result{Value: mean, More: []Field{{"se", se}, {"sigma", width}, {"validation", validate}}}
	if width == widths[0] || width == widths[parzenWidths-1] {
		r.Note = "the width is at an end of those tried, .1 to 1"
	}
	return r
}

// logDensities are log (1/N sum_k N(x_i; c_k, w^2)) for each width w and row x_i.
func logDensities(s *torch.Scope, x, centres torch.Tensor, widths []float64) [][]float64 {
	n, d := float64(centres.Shape()[0]), float64(centres.Shape()[1])
	all := make([][]float64, len(widths))
	squares(s, x, centres, func(_ *torch.Scope, _ int, block torch.Tensor) {
		for i, w := range widths {
			exponents := block.MulScalar(-1 / (2 * w * w))
			most := exponents.Amax(torch.Reduction{Dims: []int{1}, Keep: true})
			sum := exponents.Sub(most).Exp().SumOver(torch.Reduction{Dims: []int{1}, Keep: true}).Log().Add(most)
			all[i] = append(all[i], sum.AddScalar(-math.Log(n)-d*math.Log(w*math.Sqrt(2*math.Pi))).Doubles()...)
		}
	})
	return all
}

// meanAndSE are the mean and its standard error.
func meanAndSE(values []float64) (mean, se float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	sum := 0.
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sum/n) / math.Sqrt(n)
}
