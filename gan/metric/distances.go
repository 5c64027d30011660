package metric

import (
	"math/rand/v2"

	"forger/torch"
)

// What goes through all pairs makes so many rows of distances at once, from so many of the other sample: that bounds its memory.
const (
	blockRows    = 256
	blockColumns = 1024
)

// squares calls use with |x_i - y_k|^2 for the rows of x from first on, float64 [b,M], which is gone after the call. Where
// both are one sample the distance of a row to itself is exactly 0.
func squares(s *torch.Scope, x, y torch.Tensor, use func(c *torch.Scope, first int, block torch.Tensor)) {
	n, m := x.Shape()[0], y.Shape()[0]
	// Distances are differences of squares: near the middle they lose the least.
	middle := y.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true}).To(torch.Float64)
	for first := 0; first < n; first += blockRows {
		c := s.Child()
		rows, own := around(c, x, first, min(first+blockRows, n), middle)
		rows = rows.MulScalar(-2)
		block := c.FullOf(torch.Float64, 0, rows.Shape()[0], m)
		for at := 0; at < m; at += blockColumns {
			part := c.Child()
			end := min(at+blockColumns, m)
			columns, norms := around(part, y, at, end, middle)
			tile := part.Use(rows).MatMul(columns.Permute(1, 0))
			tile.AddInPlace(part.Use(own), 1)
			tile.AddInPlace(norms.Permute(1, 0), 1)
			part.Use(block).Slice(1, at, end, 1).CopyFrom(tile.ReLUInPlace())
			part.Close()
		}
		if x.Same(y) {
			clearDiagonal(block, first)
		}
		use(c, first, block)
		c.Close()
	}
}

// around are rows of x seen from a point [1,D], float64 [b,D], and their squared norms [b,1].
func around(c *torch.Scope, x torch.Tensor, from, to int, point torch.Tensor) (rows, norms torch.Tensor) {
	rows = c.Use(x).Slice(0, from, to, 1).Sub(c.Use(point)) // which is of float64, and so they are
	return rows, rows.Mul(rows).SumOver(torch.Reduction{Dims: []int{1}, Keep: true})
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
