package metric

import (
	"forger/torch"

	"gonum.org/v1/gonum/mat"
)

// Moments are the mean [D] and the covariance [D,D] of N samples, which divides by N-1. N is 0 where nobody told it.
type Moments struct {
	N    int
	Mean []float64
	Cov  *mat.SymDense
}

// NewMoments are moments of n samples from their numbers, which are theirs from then on: the covariance [D,D] in row-major
// order, of which what is above the diagonal counts.
func NewMoments(n int, mean, cov []float64) *Moments {
	d := len(mean)
	for i := range d {
		for k := range i {
			cov[i*d+k] = cov[k*d+i]
		}
	}
	return &Moments{N: n, Mean: mean, Cov: mat.NewSymDense(d, cov)}
}

// Covariance is the covariance's numbers [D,D] in row-major order, to be read only.
func (m *Moments) Covariance() []float64 { return m.Cov.RawSymmetric().Data }

// Accumulator adds up moments batch by batch, in memory that does not depend on how many there are.
type Accumulator struct {
	n, waiting        int          // samples that are added up, and that are in rows
	rows              torch.Tensor // float64 [atOnce,D]
	shift, sum, outer torch.Tensor // float64 [1,D], [1,D], [D,D]
}

// atOnce is how many samples are added up at once: each time the whole [D,D] is read and written.
const atOnce = 512

// NewAccumulator makes one below s for samples of d dimensions.
func NewAccumulator(s *torch.Scope, d int) *Accumulator {
	s = s.Child()
	zeros := func(shape ...int) torch.Tensor { return s.FullOf(torch.Float64, 0, shape...) }
	return &Accumulator{rows: zeros(atOnce, d), shift: zeros(1, d), sum: zeros(1, d), outer: zeros(d, d)}
}

// Close frees what it holds, as the end of s does.
func (a *Accumulator) Close() { a.sum.Scope().Close() }

// Add takes a batch [n,D].
func (a *Accumulator) Add(x torch.Tensor) {
	c := a.sum.Scope().Child(torch.NoGrad)
	defer c.Close()
	x = c.Use(x)
	for first, n := 0, x.Shape()[0]; first < n; {
		some := min(n-first, atOnce-a.waiting)
		c.Use(a.rows).Slice(0, a.waiting, a.waiting+some, 1).CopyFrom(x.Slice(0, first, first+some, 1))
		first += some
		if a.waiting += some; a.waiting == atOnce {
			a.addUp()
		}
	}
}

// addUp takes the rows that wait.
func (a *Accumulator) addUp() {
	c := a.sum.Scope().Child(torch.NoGrad)
	defer c.Close()
	x := c.Use(a.rows).Slice(0, 0, a.waiting, 1)
	if a.n == 0 {
		// Sums of squares far from 0 lose digits: all are taken from the first rows' mean.
		a.shift.CopyFrom(x.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true}))
	}
	x = x.Sub(c.Use(a.shift))
	a.sum.AddInPlace(x.SumOver(torch.Reduction{Dims: []int{0}, Keep: true}), 1)
	a.outer.AddInPlace(x.Permute(1, 0).MatMul(x), 1)
	a.n, a.waiting = a.n+a.waiting, 0
}

// Moments are those of all that was added: two samples at least.
func (a *Accumulator) Moments() *Moments {
	if a.waiting > 0 {
		a.addUp()
	}
	c := a.sum.Scope().Child(torch.NoGrad)
	defer c.Close()
	n := float64(a.n)
	mean := c.Use(a.sum).MulScalar(1 / n)
	product := mean.Permute(1, 0).MatMul(mean)
	product.AddInPlace(c.Use(a.outer), -1/n)
	cov := product.Doubles()
	for i := range cov {
		cov[i] *= -n / (n - 1)
	}
	return NewMoments(a.n, mean.Add(c.Use(a.shift)).Doubles(), cov)
}

// momentsOf are the moments of samples [N,D].
func momentsOf(x torch.Tensor) *Moments {
	c := x.Scope().Child(torch.NoGrad)
	defer c.Close()
	a := NewAccumulator(c, x.Shape()[1])
	a.Add(x)
	return a.Moments()
}
