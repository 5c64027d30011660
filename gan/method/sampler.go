package method

import (
	"math"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
)

// Sampler maps noise to samples. Fixed grids, given latents and evaluation are one code by it.
type Sampler struct {
	Slow  bool // it takes many passes to draw a sample
	Width int  // numbers of noise a sample
	// Classes is how many there are of the labels that Sample takes, int64 [N] or as shares [N,K]; 0: it leaves them aside.
	Classes int
	Label   func(i int) int64                                            // of sample i, where samples have labels
	Noise   func(s *torch.Scope, g *torch.Generator, n int) torch.Tensor // [n, ...], Width numbers each
	Given   func(s *torch.Scope, values []float32) torch.Tensor          // the same of the user's own numbers
	Sample  func(noise, labels torch.Tensor) torch.Tensor                // what the data is: [N,C,H,W] in [-1,1], or [N,D]
	Path    func(a, b []float32, t float64) []float32                    // the noise at t in [0,1] on the way from a to b; nil: there is none
	// Complete is Sample for images [N,C,H,W] in [-1,1] of which so many rows from above stay; nil: only whole images are drawn.
	Complete func(noise, labels, images torch.Tensor, rows int) torch.Tensor
	Watch    func(tell func(share float64)) // has tell told what share of each batch is drawn; nil: it is drawn at once
	// Quantile is the number below which this share of the noise's numbers lies; nil: they are not of one distribution.
	Quantile func(share float64) float64
}

// Labels are those of n samples from first on; the zero Tensor where they have none.
func (r Sampler) Labels(s *torch.Scope, first, n int) (labels torch.Tensor) {
	if r.Classes == 0 {
		return labels
	}
	all := make([]int64, n)
	for i := range all {
		all[i] = r.Label(first + i)
	}
	return s.FromInts(all, n)
}

// inTurn is Sampler.Label for so many classes.
func inTurn(classes int) func(i int) int64 {
	return func(i int) int64 { return int64(i % max(1, classes)) }
}

// InRows has samples shown in rows of so many, n in all, of a class each row, evenly chosen where there are more classes than
// rows.
func (r *Sampler) InRows(n, columns int) {
	rows := max(1, (n+columns-1)/columns)
	r.Label = func(i int) int64 {
		if row := i / columns; rows >= r.Classes {
			return int64(row % r.Classes)
		} else {
			return int64(row * r.Classes / rows)
		}
	}
}

// ByShares gives n samples the classes in the proportion of these counts: each is of the class that lies furthest behind, so
// that every beginning of them has the proportion too. Equal counts take turns.
func (r *Sampler) ByShares(counts []int, n int) {
	total := 0
	for _, count := range counts {
		total += count
	}
	labels, given := make([]int64, n), make([]int, len(counts))
	for i := range labels {
		class, most := 0, math.MinInt
		for k, count := range counts {
			if behind := count*(i+1) - given[k]*total; behind > most {
				class, most = k, behind
			}
		}
		labels[i] = int64(class)
		given[class]++
	}
	r.Label = func(i int) int64 { return labels[i] }
}

// HasMap tells a sampler that is a function of one number, which can be drawn.
func (r Sampler) HasMap() bool { return r.Width == 1 && r.Quantile != nil && r.Classes == 0 }

// Map is what a sampler that HasMap makes of the latents at these shares of its noise.
func (r Sampler) Map(s *torch.Scope, shares []float64) (latents, values []float32) {
	for _, share := range shares {
		latents = append(latents, float32(r.Quantile(share)))
	}
	return latents, r.Sample(r.Given(s, latents), torch.Tensor{}).Floats()
}

// Bytes are samples as data of a shape lies on the host: of images uint8 [N,H,W,C], of points float32 [N,D].
func Bytes(x torch.Tensor, of data.Shape) []byte {
	if of.IsPoints() {
		return x.Bytes()
	}
	return x.Pixels()
}

// latents is the sampler of a network that maps latents [N,Z,1,1] of a prior to samples.
func latents(n Net, prior string, z int) Sampler {
	p := priors[prior]
	return Sampler{
		Width:  z,
		Noise:  func(s *torch.Scope, g *torch.Generator, n int) torch.Tensor { return p.draw(s, g, n, z) },
		Given:  func(s *torch.Scope, v []float32) torch.Tensor { return s.FromFloats(v, len(v)/z, z, 1, 1) },
		Sample: func(noise, labels torch.Tensor) torch.Tensor { return nn.ForwardFor(n.Module, noise, labels) }, Classes: n.Classes,
		Label: inTurn(n.Classes),
		Path:  p.path, Quantile: p.quantile,
	}
}

// Prior is a distribution of latents.
type Prior struct {
	Doc  string
	draw func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor // [N,Z,1,1]
	path func(a, b []float32, t float64) []float32

	quantile func(share float64) float64 // of each of its numbers
}

// priors is where a distribution of latents is added.
var priors = map[string]Prior{
	"normal": {
		"standard normal",
		func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor { return s.Randn(g, n, z, 1, 1) }, spherical,
		func(share float64) float64 { return math.Sqrt2 * math.Erfinv(2*share-1) },
	},
	"uniform": {
		"uniform from -1 to 1",
		func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor {
			return s.Rand(g, n, z, 1, 1).Affine(2, -1)
		}, straight,
		func(share float64) float64 { return 2*share - 1 },
	},
	"uniform-unit": {
		"uniform with a variance of 1, from -sqrt(3) to sqrt(3)",
		func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor {
			return s.Rand(g, n, z, 1, 1).Affine(2*sqrt3, -sqrt3)
		}, straight,
		func(share float64) float64 { return (2*share - 1) * sqrt3 },
	},
	"uniform01": {
		"uniform from 0 to 1",
		func(s *torch.Scope, g *torch.Generator, n, z int) torch.Tensor { return s.Rand(g, n, z, 1, 1) }, straight,
		func(share float64) float64 { return share },
	},
}

// sqrt3 is where a uniform distribution about 0 with a variance of 1 ends.
const sqrt3 = 1.7320508075688772

// straight is on the line from a to b.
func straight(a, b []float32, t float64) []float32 { return mix(a, b, 1-t, t) }

// spherical is on the great arc from a to b (White 2016, "Sampling generative networks"): where a normal prior has many
// dimensions, a straight line passes where none of its latents lie. It is on the line where there is no arc.
func spherical(a, b []float32, t float64) []float32 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	angle := math.Acos(max(-1, min(1, dot/math.Sqrt(aa*bb))))
	if !(math.Sin(angle) > 1e-6) {
		return straight(a, b, t)
	}
	return mix(a, b, math.Sin((1-t)*angle)/math.Sin(angle), math.Sin(t*angle)/math.Sin(angle))
}

func mix(a, b []float32, wa, wb float64) []float32 {
	z := make([]float32, len(a))
	for i := range z {
		z[i] = float32(wa*float64(a[i]) + wb*float64(b[i]))
	}
	return z
}
