package metric

import (
	"forger/torch"

	"gonum.org/v1/gonum/mat"
)

// moments are the mean [D] and the covariance [D,D] of N samples, which divides by N-1.
type moments struct {
	N    int
	Mean []float64
	Cov  *mat.SymDense
}

// accumulator adds up moments batch by batch, in memory that does not depend on how many there are.
type accumulator struct {
	n                 int
	shift, sum, outer torch.Tensor // float64 [1,D], [1,D], [D,D]
}

// newAccumulator makes one in s for samples of d dimensions.
func newAccumulator(s *torch.Scope, d int) *accumulator {
	zeros := func(shape ...int) torch.Tensor { return s.FullOf(torch.Float64, 0, shape...) }
	return &accumulator{shift: zeros(1, d), sum: zeros(1, d), outer: zeros(d, d)}
}

// Add takes a batch [n,D].
func (a *accumulator) Add(x torch.Tensor) {
	c := a.sum.Scope().Child(torch.NoGrad)
	defer c.Close()
	x = c.Use(x).To(torch.Float64)
	n := x.Shape()[0]
	if a.n == 0 {
		// Sums of squares far from 0 lose digits: all are taken from the first batch's mean.
		a.shift.CopyFrom(x.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true}))
	}
	x = x.Sub(c.Use(a.shift))
	a.sum.AddInPlace(x.SumOver(torch.Reduction{Dims: []int{0}, Keep: true}), 1)
	a.outer.AddInPlace(x.Permute(1, 0).MatMul(x), 1)
	a.n += n
}

// moments are those of all that was added: two samples at least.
func (a *accumulator) moments() moments {
	c := a.sum.Scope().Child(torch.NoGrad)
	defer c.Close()
	n := float64(a.n)
	mean := c.Use(a.sum).MulScalar(1 / n)
	cov := c.Use(a.outer).Sub(mean.Permute(1, 0).MatMul(mean).MulScalar(n)).MulScalar(1 / (n - 1))
	m := moments{N: a.n, Mean: mean.Add(c.Use(a.shift)).Doubles()}
	m.Cov = mat.NewSymDense(len(m.Mean), cov.Doubles())
	return m
}

// momentsOf are the moments of samples [N,D].
func momentsOf(x torch.Tensor) moments {
	c := x.Scope().Child(torch.NoGrad)
	defer c.Close()
	a := newAccumulator(c, x.Shape()[1])
	a.Add(x)
	return a.moments()
}
