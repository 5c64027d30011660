package metric

import (
	"math"

	"forger/torch"

	"gonum.org/v1/gonum/mat"
)

// fid is |m1-m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of the features' means and covariances (Heusel et al. 2017, eq. 6).
func fid(s *torch.Scope, p Pair, _ Options) Result {
	a, b := p.Real.Moments(), p.Fake.Moments()
	d := len(a.Mean)
	var root float64
	if p.Real.X.Valid() && p.Fake.X.Valid() && min(a.N, b.N) < d {
		root = rootOfSamples(s, p.Real.X, p.Fake.X)
	} else {
		root = rootOfMoments(s, a, b)
	}
	r := Result{Value: frechet(a, b, root)}
	least := min(a.N, b.N)
	if least == 0 {
		least = max(a.N, b.N) // of the other nobody said how many they were
	}
	if least > 0 && least < 2*d {
		r.Note = nothing("%d samples for %d features: biased upwards, and not to be compared with figures of more", least, d).Note
	}
	return r
}

// frechet takes tr (S1 S2)^(1/2).
func frechet(a, b *Moments, root float64) float64 {
	sum := mat.Trace(a.Cov) + mat.Trace(b.Cov) - 2*root
	for k := range a.Mean {
		sum += (a.Mean[k] - b.Mean[k]) * (a.Mean[k] - b.Mean[k])
	}
	return sum
}

// rootOfMoments is tr (S1 S2)^(1/2). With S1 = W W', W the eigenvectors times the roots of their values, S1 S2 has the eigenvalues
// of W' S2 W: two decompositions of symmetric matrices in float64, whose negative eigenvalues are rounding. What is done with is
// released: at 2,048 features a matrix takes 32 MiB.
func rootOfMoments(s *torch.Scope, s1, s2 *Moments) float64 {
	c := s.Child()
	defer c.Close()
	d := len(s1.Mean)
	first := c.FromDoubles(s1.Covariance(), d, d)
	values, vectors := first.Eigh()
	first.Release()
	w := vectors.Mul(values.ReLU().Sqrt().Reshape(1, d))
	vectors.Release()
	second := c.FromDoubles(s2.Covariance(), d, d)
	right := second.MatMul(w)
	second.Release()
	left := w.Permute(1, 0)
	inner := left.MatMul(right)
	for _, t := range []torch.Tensor{left, w, right} {
		t.Release()
	}
	return sumOfRoots(inner)
}

// rootOfSamples is the same where there are fewer samples than features. With A and B the centred samples over the roots of
// n-1 and m-1, S1 S2 = A'A B'B has the eigenvalues of (AB')(AB')', a matrix of the smaller sample's size.
func rootOfSamples(s *torch.Scope, x, y torch.Tensor) float64 {
	c := s.Child()
	defer c.Close()
	if x.Shape()[0] > y.Shape()[0] {
		x, y = y, x
	}
	between := centred(c, x).MatMul(centred(c, y).Permute(1, 0))
	return sumOfRoots(between.MatMul(between.Permute(1, 0)))
}

func centred(c *torch.Scope, x torch.Tensor) torch.Tensor {
	x = c.Use(x).To(torch.Float64)
	return x.Sub(x.MeanOver(torch.Reduction{Dims: []int{0}, Keep: true})).MulScalar(1 / math.Sqrt(float64(x.Shape()[0]-1)))
}

// sumOfRoots is the sum of the roots of a symmetric matrix's eigenvalues.
func sumOfRoots(m torch.Tensor) float64 {
	values, _ := m.Eigh()
	return values.ReLU().Sqrt().Sum().Item()
}
