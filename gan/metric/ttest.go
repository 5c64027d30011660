package metric

import (
	"math"
	"slices"

	"forger/torch"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// student is the two-sample t test with the pooled variance, n+m-2 degrees of freedom, two-sided.
func student(_ *torch.Scope, p Pair, o Options) Result {
	return byDimension(p, o, func(a, b []float64) (t, prob float64) {
		n, m := float64(len(a)), float64(len(b))
		ma, va := stat.MeanVariance(a, nil)
		mb, vb := stat.MeanVariance(b, nil)
		pooled := ((n-1)*va + (m-1)*vb) / (n + m - 2)
		return twoSided((ma-mb)/math.Sqrt(pooled*(1/n+1/m)), n+m-2)
	})
}

// welch is the t test that does not take the variances for equal, with the degrees of freedom of Welch and Satterthwaite.
func welch(_ *torch.Scope, p Pair, o Options) Result {
	return byDimension(p, o, func(a, b []float64) (t, prob float64) {
		n, m := float64(len(a)), float64(len(b))
		ma, va := stat.MeanVariance(a, nil)
		mb, vb := stat.MeanVariance(b, nil)
		va, vb = va/n, vb/m
		free := (va + vb) * (va + vb) / (va*va/(n-1) + vb*vb/(m-1))
		return twoSided((ma-mb)/math.Sqrt(va+vb), free)
	})
}

// twoSided is a t statistic and the probability of one as far from 0; both NaN where no variance is.
func twoSided(t, free float64) (float64, float64) {
	if math.IsNaN(t) || math.IsInf(t, 0) || !(free > 0) {
		return math.NaN(), math.NaN()
	}
	return t, 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: free}.CDF(-math.Abs(t))
}

// byDimension is a test for each dimension: the mean of the statistics, and of each dimension the statistic, its
// probability, that by Holm's correction, and whether that rejects at level alpha.
func byDimension(p Pair, o Options, test func(a, b []float64) (statistic, prob float64)) Result {
	real, fake := p.Real.columns(), p.Fake.columns()
	values, probs := make([]float64, len(real)), make([]float64, len(real))
	for k := range real {
		values[k], probs[k] = test(real[k], fake[k])
	}
	holm := holm(probs)
	reject := make([]bool, len(holm))
	rejected := 0
	for k, v := range holm {
		if reject[k] = v <= o.Alpha; reject[k] {
			rejected++
		}
	}
	mean, undefined := average(values)
	r := Result{Value: mean, More: []Field{
		{"values", values}, {"p", probs}, {"p_holm", holm}, {"reject", reject}, {"rejected", rejected}, {"of", len(values)},
	}}
	switch {
	case undefined == len(values):
		r.Note = "not defined: neither sample varies"
	case undefined > 0:
		r.Note = noteOf(undefined, len(values))
	}
	return r
}

func noteOf(undefined, of int) string {
	return nothing("not defined in %d of %d dimensions, in which neither sample varies", undefined, of).Note
}

// holm corrects the probabilities of many tests (Holm 1979): the i-th smallest of m is multiplied by m-i, and none is
// smaller than one before it. What is NaN stays out.
func holm(probs []float64) []float64 {
	var order []int
	corrected := make([]float64, len(probs))
	for i, p := range probs {
		corrected[i] = math.NaN()
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, k int) int {
		switch {
		case probs[i] < probs[k]:
			return -1
		case probs[i] > probs[k]:
			return 1
		}
		return 0
	})
	least := 0.
	for rank, i := range order {
		least = max(least, min(1, probs[i]*float64(len(order)-rank)))
		corrected[i] = least
	}
	return corrected
}
