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
	n, d := float64(x.Shape()[0]), float64(x.Shape()[1])
	all := func(a, b torch.Tensor) float64 { // the kernel's sum over pairs
		c := a.Scope().Child()
		defer c.Close()
		return c.Use(a).MatMul(c.Use(b).Permute(1, 0)).Affine(1/d, 1).Pow(3).Sum().Item()
	}
	same := func(a torch.Tensor) float64 { // and over those of a row with itself
		c := a.Scope().Child()
		defer c.Close()
		a = c.Use(a)
		return a.Mul(a).SumOver(torch.Reduction{Dims: []int{1}}).Affine(1/d, 1).Pow(3).Sum().Item()
	}
	return (all(x, x)-same(x)+all(y, y)-same(y))/(n*(n-1)) - 2*all(x, y)/(n*n)
}
