package metric

import (
	"forger/torch"
)

// pairSums are, for a symmetric matrix K over both samples whose diagonal is 0, the sums of K between elements of the first
// group, between those of the second, and across; one of each for the samples as they are and for each permutation.
type pairSums struct{ first, second, across []float64 }

// permuted adds up kernel(|x_i - x_k|^2) over the pairs of both samples together, for the split that they came in and for
// random ones of the same sizes. Each block of the matrix is made once and serves all of them: with a column of U a split,
// 1 where an element is of the first group, the sums are those of U * KU.
func permuted(s *torch.Scope, p Pair, o Options, kernel func(squares torch.Tensor) torch.Tensor) pairSums {
	x := torch.Cat(0, p.Real.X.To(torch.Float64), p.Fake.X.To(torch.Float64))
	n, _ := p.Real.size()
	splits := memberships(s, n, x.Shape()[0], o) // [n+m, B+1]
	within, rows, all := s.FullOf(torch.Float64, 0, o.Permutations+1), s.FullOf(torch.Float64, 0, o.Permutations+1), 0.
	squares(s, x, x, func(c *torch.Scope, first int, block torch.Tensor) {
		k := kernel(block)
		if k.Shape()[0] > 0 {
			clearDiagonal(k, first)
		}
		group := c.Use(splits).Slice(0, first, first+k.Shape()[0], 1)
		within.AddInPlace(group.Mul(k.MatMul(splits)).SumOver(torch.Reduction{Dims: []int{0}}), 1)
		sums := k.SumOver(torch.Reduction{Dims: []int{1}, Keep: true})
		rows.AddInPlace(group.Mul(sums).SumOver(torch.Reduction{Dims: []int{0}}), 1)
		all += sums.Sum().Item()
	})
	r := pairSums{first: within.Doubles()}
	for i, row := range rows.Doubles() {
		across := row - r.first[i]
		r.across = append(r.across, across)
		r.second = append(r.second, all-2*across-r.first[i])
	}
	return r
}

// memberships has a column for the samples as they are and one for each permutation: 1 where a row is of the first n.
func memberships(s *torch.Scope, n, of int, o Options) torch.Tensor {
	columns := o.Permutations + 1
	values := make([]float64, of*columns)
	for i := range n {
		values[i*columns] = 1
	}
	for b := 1; b < columns; b++ {
		for _, row := range shuffled(o.Seed, drawPermutations+b, of)[:n] {
			values[int(row)*columns+b] = 1
		}
	}
	return s.FromDoubles(values, of, columns)
}

// permutationTest is the first of the statistics and its probability among all: (1 + those of permutations that reach
// it) / (1 + permutations).
func permutationTest(statistics []float64, o Options) Result {
	reached := 1
	for _, v := range statistics[1:] {
		if v >= statistics[0] {
			reached++
		}
	}
	return tested(statistics[0], float64(reached)/float64(len(statistics)), o)
}
