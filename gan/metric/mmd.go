package metric

import (
	"math"
	"slices"

	"forger/torch"
)

// medianRows is how many rows of both samples together the median distance is taken of.
const medianRows = 2000

// mmd is MMD2 without bias (Gretton et al. 2012, eq. 3): the means of k over pairs within each sample, a row never with
// itself, less twice that across; k = exp(-|x-y|^2 / (2 w^2)), and w the median distance between rows of both together.
func mmd(s *torch.Scope, p Pair, o Options) Result {
	width := medianDistance(s, p, o)
	if width == 0 {
		return nothing("more than half of all samples are the same: the kernel has no width")
	}
	sums := permuted(s, p, o, func(squares torch.Tensor) torch.Tensor {
		return squares.MulScalar(-1 / (2 * width * width)).Exp()
	})
	n, m := sizes(p)
	values := make([]float64, len(sums.first))
	for i := range values {
		values[i] = sums.first[i]/(n*(n-1)) + sums.second[i]/(m*(m-1)) - 2*sums.across[i]/(n*m)
	}
	r := permutationTest(values, o)
	r.More = append(r.More, Field{"width", width})
	return r
}

// energy is 2E|X-Y| - E|X-X'| - E|Y-Y'| over all pairs, a row's with itself included (Szekely and Rizzo 2013): never
// negative.
func energy(s *torch.Scope, p Pair, o Options) Result {
	sums := permuted(s, p, o, torch.Tensor.Sqrt)
	n, m := sizes(p)
	values := make([]float64, len(sums.first))
	for i := range values {
		values[i] = 2*sums.across[i]/(n*m) - sums.first[i]/(n*n) - sums.second[i]/(m*m)
	}
	return permutationTest(values, o)
}

func sizes(p Pair) (n, m float64) {
	a, _ := p.Real.size()
	b, _ := p.Fake.size()
	return float64(a), float64(b)
}

// medianDistance is the median of |x_i - x_k|, i < k, over rows of both samples; a seeded choice of them where there are many.
func medianDistance(s *torch.Scope, p Pair, o Options) float64 {
	c := s.Child()
	defer c.Close()
	x := torch.Cat(0, c.Use(p.Real.X).To(torch.Float64), c.Use(p.Fake.X).To(torch.Float64))
	if n := x.Shape()[0]; n > medianRows {
		x = pick(x, shuffled(o.Seed, drawMedian, n)[:medianRows])
	}
	var all []float64
	squares(c, x, x, func(_ *torch.Scope, first int, block torch.Tensor) {
		values, columns := block.Doubles(), block.Shape()[1]
		for i := range block.Shape()[0] {
			all = append(all, values[i*columns+first+i+1:(i+1)*columns]...)
		}
	})
	slices.Sort(all)
	half := len(all) / 2
	if len(all)%2 == 1 {
		return math.Sqrt(all[half])
	}
	return (math.Sqrt(all[half-1]) + math.Sqrt(all[half])) / 2
}

// pick is the rows of x with these numbers.
func pick(x torch.Tensor, rows []int64) torch.Tensor {
	return x.IndexSelect(0, x.Scope().FromInts(rows, len(rows)))
}
