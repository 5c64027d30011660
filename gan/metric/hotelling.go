package metric

import (
	"math"

	"forger/torch"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// hotelling is T2 = nm/(n+m) d' S^-1 d with d the difference of the means and S the pooled covariance; under equal normals
// T2 (n+m-D-1)/((n+m-2)D) has Fisher's distribution with D and n+m-D-1 degrees of freedom.
func hotelling(_ *torch.Scope, p Pair, o Options) Result {
	n, d := p.Real.size()
	m, _ := p.Fake.size()
	if n+m-d-1 < 1 {
		return nothing("%d and %d samples of %d dimensions: it takes more samples than dimensions", n, m, d)
	}
	real, fake := momentsOf(p.Real.X), momentsOf(p.Fake.X)
	var pooled mat.SymDense
	pooled.ScaleSym(float64(n-1)/float64(n+m-2), real.Cov)
	var other mat.SymDense
	other.ScaleSym(float64(m-1)/float64(n+m-2), fake.Cov)
	pooled.AddSym(&pooled, &other)
	var by mat.Cholesky
	if !by.Factorize(&pooled) || by.Cond() > 1e15 {
		return nothing("the covariance cannot be inverted: a dimension does not vary, or follows from others")
	}
	diff := mat.NewVecDense(d, nil)
	for k := range d {
		diff.SetVec(k, real.Mean[k]-fake.Mean[k])
	}
	var solved mat.VecDense
	if err := by.SolveVecTo(&solved, diff); err != nil {
		return nothing("the covariance cannot be inverted: %v", err)
	}
	t2 := mat.Dot(diff, &solved) * float64(n) * float64(m) / float64(n+m)
	f := t2 * float64(n+m-d-1) / (float64(n+m-2) * float64(d))
	prob := distuv.F{D1: float64(d), D2: float64(n + m - d - 1)}.Survival(math.Max(f, 0))
	return tested(t2, prob, o)
}

// tested is the result of one test.
func tested(statistic, prob float64, o Options) Result {
	return Result{Value: statistic, More: []Field{{"p", prob}, {"reject", prob <= o.Alpha}}}
}
