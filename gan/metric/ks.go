package metric

import (
	"math"
	"slices"

	"forger/torch"
)

// kolmogorovSmirnov is the greatest difference of the two samples' distribution functions, a test a dimension.
func kolmogorovSmirnov(_ *torch.Scope, p Pair, o Options) Result {
	return byDimension(p, o, func(a, b []float64) (d, prob float64) {
		d = ksDistance(a, b)
		if len(a)*len(b) < 10000 {
			return d, ksExact(d, len(a), len(b))
		}
		return d, ksLimit(d, len(a), len(b))
	})
}

// ksDistance is sup |F_a - F_b|.
func ksDistance(a, b []float64) float64 {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	i, k, worst := 0, 0, 0.
	for i < len(a) && k < len(b) {
		at := min(a[i], b[k])
		for i < len(a) && a[i] == at {
			i++
		}
		for k < len(b) && b[k] == at {
			k++
		}
		worst = max(worst, math.Abs(float64(i)/float64(len(a))-float64(k)/float64(len(b))))
	}
	return worst
}

// ksExact is the probability of a distance of d or more between samples of n and m without ties: of all ways in which the
// two can be merged, the share that leaves the band around the diagonal (Hodges 1958). It is for small samples: its cost
// is their product.
func ksExact(d float64, n, m int) float64 {
	// Distances are multiples of 1/(nm): half of one below d parts those that reach it from those that do not.
	cells := float64(n) * float64(m)
	reach := (math.Round(d*cells) - .5) / cells
	outside := func(i, k int) bool { return math.Abs(float64(i)/float64(n)-float64(k)/float64(m)) > reach }
	// left[k] is the probability that a path to (i,k) has left the band.
	left := make([]float64, m+1)
	for i := 0; i <= n; i++ {
		for k := 0; k <= m; k++ {
			switch {
			case outside(i, k):
				left[k] = 1
			case i == 0 && k == 0:
				left[k] = 0
			default:
				// The last step of a uniform path to (i,k) was along i with probability i/(i+k).
				along := float64(i) / float64(i+k)
				v := 0.
				if i > 0 {
					v += along * left[k]
				}
				if k > 0 {
					v += (1 - along) * left[k-1]
				}
				left[k] = v
			}
		}
	}
	return left[m]
}

// ksLimit is Kolmogorov's limit of the same for large samples: Q(x) = 2 sum (-1)^(j-1) exp(-2 j^2 x^2) at
// x = d sqrt(nm/(n+m)).
func ksLimit(d float64, n, m int) float64 {
	x := d * math.Sqrt(float64(n)*float64(m)/float64(n+m))
	if x < .2 {
		return 1 // to sixteen digits, and the series converges slowly
	}
	sum, sign := 0., 1.
	for j := 1; j <= 100; j++ {
		term := math.Exp(-2 * float64(j) * float64(j) * x * x)
		sum += sign * term
		if term < 1e-18*math.Abs(sum) || term == 0 {
			break
		}
		sign = -sign
	}
	return max(0, min(1, 2*sum))
}
