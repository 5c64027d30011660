package metric

import (
	"math"

	"forger/torch"
)

// Subsets of the kernel distance, as torch-fidelity takes them.
const (
	kidSubsets = 100
	kidSize    = 1000
)

// kid is the mean over random subsets of MMD2 without bias under (x.y/D + 1)^3 (Binkowski et al. 2018), and std its
// standard deviation over them.
func kid(s *torch.Scope, p Pair, o Options) Result {
	n, m := sizes(p)
	size := int(min(kidSize, n, m))
	values := make([]float64, kidSubsets)
	for i := range values {
		c := s.Child()
		x := pick(c.Use(p.Real.X), shuffled(o.Seed, drawSubsets+2*i, int(n))[:size])
		y := pick(c.Use(p.Fake.X), shuffled(o.Seed, drawSubsets+2*i+1, int(m))[:size])
		values[i] = kernelDistance(x.To(torch.Float64), y.To(torch.Float64))
		c.Close()
	}
	mean, se := meanAndSE(values)
	return Result{Value: mean, More: []Field{{"std", se * math.Sqrt(kidSubsets)}, {"subsets", kidSubsets}, {"subset", size}}}
}

// kernelDistance is MMD2 of two samples of one size.
func kernelDistance(x, y torch.Tensor) float64 {
	n := float64(x.Shape()[0])
	return (kernelWithin(x)+kernelWithin(y))/(n*(n-1)) - 2*kernelSum(x, y)/(n*n)
}

// kidPanel is how many rows of a kernel matrix are made at once.
const kidPanel = 100

// kernelWithin is the kernel's sum over the pairs of different rows of a: what is above the diagonal, twice.
func kernelWithin(a torch.Tensor) (sum float64) {
	n, d := a.Shape()[0], float64(a.Shape()[1])
	for first := 0; first < n; first += kidPanel {
		c := a.Scope().Child()
		last := min(first+kidPanel, n)
		rows := c.Use(a).Slice(0, first, last, 1)
		norms := rows.Mul(rows).SumOver(torch.Reduction{Dims: []int{1}}).Affine(1/d, 1).Pow(3)
		sum += kernelSum(rows, rows) - norms.Sum().Item()
		if last < n {
			sum += 2 * kernelSum(rows, c.Use(a).Slice(0, last, n, 1))
		}
		c.Close()
	}
	return sum
}

// kernelSum is the kernel's sum over the pairs of a row of a and one of b.
func kernelSum(a, b torch.Tensor) float64 {
	c := a.Scope().Child()
	defer c.Close()
	return c.Use(a).MatMul(c.Use(b).Permute(1, 0)).Affine(1/float64(a.Shape()[1]), 1).Pow(3).Sum().Item()
}
