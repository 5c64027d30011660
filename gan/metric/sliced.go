package metric

import (
	"math"

	"forger/torch"
)

// directions of a sliced distance, so many at a time.
const (
	directions      = 1000
	directionsBlock = 50
)

// sliced is the root of the mean over random unit directions of the squared Wasserstein-2 distance of the projections, whose
// sorted values pair up (Bonneel et al. 2015). Of the larger sample a seeded choice as large as the other takes part.
func sliced(s *torch.Scope, p Pair, o Options) Result {
	x, y := p.Real.X.To(torch.Float64), p.Fake.X.To(torch.Float64)
	if n, m := x.Shape()[0], y.Shape()[0]; n > m {
		x = pick(x, shuffled(o.Seed, drawSubsets, n)[:m])
	} else if m > n {
		y = pick(y, shuffled(o.Seed, drawSubsets, m)[:n])
	}
	g := s.NewGenerator(o.Seed + drawDirections)
	sum := 0.
	for range directions / directionsBlock {
		c := s.Child()
		along := c.Randn(g, x.Shape()[1], directionsBlock)
		length := along.Mul(along).SumOver(torch.Reduction{Dims: []int{0}, Keep: true}).Sqrt()
		along = along.Div(length)
		a, _ := x.MatMul(along).Sort(0, false)
		b, _ := y.MatMul(along).Sort(0, false)
		off := a.Sub(b)
		sum += off.Mul(off).MeanOver(torch.Reduction{Dims: []int{0}}).Sum().Item()
		c.Close()
	}
	return Result{Value: math.Sqrt(sum / directions)}
}
