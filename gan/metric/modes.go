package metric

import (
	"math"

	"forger/torch"
)

// Modes is a mixture of equal round normals whose centres are known.
type Modes struct {
	Centres [][]float64
	SD      float64
}

// modes counts by PacGAN's protocol (Lin et al. 2018): a mode is covered that has a sample within three standard
// deviations, and a sample is of high quality that lies so near to its nearest mode. The value is the share of modes.
func modes(_ *torch.Scope, p Pair, _ Options) Result {
	n, d := p.Fake.size()
	if d != len(p.Answer.Centres[0]) {
		return nothing("the samples have %d dimensions, the modes %d", d, len(p.Answer.Centres[0]))
	}
	flat := p.Fake.X.To(torch.Float64).Doubles()
	covered, good := map[int]bool{}, 0
	for i := range n {
		mode, distance := p.Answer.nearest(flat[i*d : (i+1)*d])
		if distance <= 3*p.Answer.SD {
			covered[mode] = true
			good++
		}
	}
	of := len(p.Answer.Centres)
	return Result{Value: float64(len(covered)) / float64(of), More: []Field{
		{"covered", len(covered)}, {"of", of}, {"high_quality", float64(good) / float64(n)},
	}}
}

func (m Modes) nearest(x []float64) (mode int, distance float64) {
	distance = math.Inf(1)
	for k, c := range m.Centres {
		sum := 0.
		for j := range c {
			sum += (x[j] - c[j]) * (x[j] - c[j])
		}
		if r := math.Sqrt(sum); r < distance {
			mode, distance = k, r
		}
	}
	return mode, distance
}
