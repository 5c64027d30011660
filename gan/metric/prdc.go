package metric

import (
	"slices"

	"forger/torch"
)

// prdcNeighbours is k of Naeem et al. 2020 and of clovaai's code.
const prdcNeighbours = 5

// prdc compares the balls that reach from each sample to its k-th nearest neighbour. precision: the share of the generated
// inside a real ball; recall: of the real inside a generated one (Kynkaanniemi et al. 2019); density: how many real balls
// hold a generated sample, over k; coverage: the share of real balls that hold a generated sample (Naeem et al. 2020).
func prdc(s *torch.Scope, p Pair, _ Options) Result {
	real, fake := p.Real.X.To(torch.Float64), p.Fake.X.To(torch.Float64)
	n, m := real.Shape()[0], fake.Shape()[0]
	if min(n, m) <= prdcNeighbours {
		return nothing("%d and %d samples: it takes more than %d", n, m, prdcNeighbours)
	}
	ballsReal, ballsFake := radii(s, real), radii(s, fake)
	inReal, inFake, covered, held := 0, 0, 0, 0
	inside := make([]bool, m) // a real ball
	squares(s, real, fake, func(_ *torch.Scope, first int, block torch.Tensor) {
		values := block.Doubles()
		for i := range block.Shape()[0] {
			row, own := values[i*m:(i+1)*m], false
			for k, v := range row {
				if v < ballsReal[first+i] {
					inside[k] = true
					held++
				}
				own = own || v < ballsFake[k]
			}
			if own {
				inFake++
			}
			if slices.Min(row) < ballsReal[first+i] {
				covered++
			}
		}
	})
	for _, in := range inside {
		if in {
			inReal++
		}
	}
	coverage := float64(covered) / float64(n)
	return Result{Value: coverage, More: []Field{
		{"precision", float64(inReal) / float64(m)}, {"recall", float64(inFake) / float64(n)},
		{"density", float64(held) / float64(prdcNeighbours*m)}, {"coverage", coverage}, {"k", prdcNeighbours},
	}}
}

// radii are each sample's squared distance to its k-th nearest other.
func radii(s *torch.Scope, x torch.Tensor) []float64 {
	var all []float64
	squares(s, x, x, func(_ *torch.Scope, _ int, block torch.Tensor) {
		near, _ := block.TopK(prdcNeighbours+1, 1, false) // itself among them
		values := near.Doubles()
		for i := range block.Shape()[0] {
			all = append(all, slices.Max(values[i*(prdcNeighbours+1):(i+1)*(prdcNeighbours+1)]))
		}
	})
	return all
}
