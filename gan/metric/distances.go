package metric

import (
	"math/rand/v2"

	"forger/torch"
)

// blockRows bounds the memory of what goes through all pairs: so many rows of distances are there at once.
const blockRows = 512

// squares calls use with |x_i - y_k|^2 for the rows of x from first on, float64 [b,M], which is gone after the call. Where
// both are one sample the distance of a row to itself is exactly 0.
func squares(s *torch.Scope, x, y torch.Tensor, use func(c *torch.Scope, first int, block torch.Tensor)) {
	// Distances are differences of squares: near the middle they lose the least.
	middle := y.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true})
	one := x.Same(y)
	x, y = x.Sub(middle), y.Sub(middle)
	norms := y.Mul(y).SumOver(torch.Reduction{Dims: []int{1}, Keep: true}).Permute(1, 0) // [1,M]
	columns := y.Permute(1, 0)
	n := x.Shape()[0]
	for first := 0; first < n; first += blockRows {
		c := s.Child()
		rows := c.Use(x).Slice(0, first, min(first+blockRows, n), 1)
		own := rows.Mul(rows).SumOver(torch.Reduction{Dims: []int{1}, Keep: true})
		block := rows.MatMul(columns).Affine(-2, 0).Add(own).Add(norms).ReLU()
		if one {
			clearDiagonal(block, first)
		}
		use(c, first, block)
		c.Close()
	}
}

// clearDiagonal sets block[i,first+i] to 0.
func clearDiagonal(block torch.Tensor, first int) {
	b := block.Shape()[0]
	keep := make([]float64, b*b)
	for i := range keep {
		if i%(b+1) != 0 {
			keep[i] = 1
		}
	}
	c := block.Scope().Child()
	defer c.Close()
	square := c.Use(block).Slice(1, first, first+b, 1)
	square.CopyFrom(square.Mul(c.FromDoubles(keep, b, b)))
}

// shuffled are the numbers below n in an order that seed decides; uses apart draw apart.
func shuffled(seed uint64, use, n int) []int64 {
	order := make([]int64, n)
	for i, v := range rand.New(rand.NewPCG(seed, uint64(use))).Perm(n) {
		order[i] = int64(v)
	}
	return order
}

// Uses of shuffled.
const (
	drawPermutations = iota << 20
	drawSplit
	drawDirections
	drawSubsets
	drawMedian
	drawScore
)
