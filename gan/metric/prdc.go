package metric

import "forger/torch"

// prdcNeighbours is k of Naeem et al. 2020 and of clovaai's code.
const prdcNeighbours = 5

// prdc compares the balls that reach from each sample to its k-th nearest neighbour. precision: the share of the generated
// inside a real ball; recall: of the real inside a generated one (Kynkaanniemi et al. 2019); density: how many real balls
// hold a generated sample, over k; coverage: the share of real balls that hold a generated sample (Naeem et al. 2020).
func prdc(s *torch.Scope, p Pair, _ Options) Result {
	real, fake := p.Real.X, p.Fake.X
	n, m := real.Shape()[0], fake.Shape()[0]
	if min(n, m) <= prdcNeighbours {
		return nothing("%d and %d samples: it takes more than %d", n, m, prdcNeighbours)
	}
	ballsReal, ballsFake := radii(s, real).Reshape(n, 1), radii(s, fake).Reshape(1, m)
	inside := s.FullOf(torch.Float64, 0, m) // how many real balls hold a generated sample
	inFake, covered := 0., 0.
	squares(s, real, fake, func(c *torch.Scope, first int, block torch.Tensor) {
		held := block.Lt(c.Use(ballsReal).Slice(0, first, first+block.Shape()[0], 1))
		inside.AddInPlace(held.SumOver(torch.Reduction{Dims: []int{0}}), 1)
		covered += having(held)
		inFake += having(block.Lt(c.Use(ballsFake)))
	})
	inReal, held := inside.GtScalar(0).Sum().Item(), inside.Sum().Item()
	coverage := covered / float64(n)
	return Result{Value: coverage, More: []Field{
		{"precision", inReal / float64(m)}, {"recall", inFake / float64(n)},
		{"density", held / float64(prdcNeighbours*m)}, {"coverage", coverage}, {"k", prdcNeighbours},
	}}
}

// having is how many rows of a mask [b,M] have anything.
func having(mask torch.Tensor) float64 {
	return mask.SumOver(torch.Reduction{Dims: []int{1}}).GtScalar(0).Sum().Item()
}

// radii are each sample's squared distance to its k-th nearest other, [N].
func radii(s *torch.Scope, x torch.Tensor) torch.Tensor {
	all := s.FullOf(torch.Float64, 0, x.Shape()[0])
	squares(s, x, x, func(c *torch.Scope, first int, block torch.Tensor) {
		near, _ := block.TopK(prdcNeighbours+1, 1, false) // itself among them
		farthest, _ := near.Max(1, false)
		c.Use(all).Slice(0, first, first+block.Shape()[0], 1).CopyFrom(farthest)
	})
	return all
}
