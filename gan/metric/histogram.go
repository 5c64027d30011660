package metric

import (
	"math"
	"slices"

	"forger/torch"
)

// kl is KL(real || generated) = sum p log(p/q) over equal intervals on both samples' range, for each dimension; infinite
// where the real sample has an interval that the generated one has not.
func kl(_ *torch.Scope, p Pair, o Options) Result {
	return divergence(p, o, func(p, q []float64) float64 { return relativeEntropy(p, q) })
}

// js is KL(p||m)/2 + KL(q||m)/2 with m = (p+q)/2 of the same histograms (Lin 1991), from 0 to log 2.
func js(_ *torch.Scope, p Pair, o Options) Result {
	return divergence(p, o, func(p, q []float64) float64 {
		m := make([]float64, len(p))
		for i := range m {
			m[i] = (p[i] + q[i]) / 2
		}
		return (relativeEntropy(p, m) + relativeEntropy(q, m)) / 2
	})
}

// divergence is a divergence of histograms for each dimension, and their mean.
func divergence(p Pair, o Options, of func(p, q []float64) float64) Result {
	real, fake := p.Real.columns(), p.Fake.columns()
	values := make([]float64, len(real))
	for k := range real {
		values[k] = of(histograms(real[k], fake[k], o.Bins))
	}
	mean, infinite := average(values)
	r := Result{Value: mean, More: []Field{{"values", values}}}
	if infinite > 0 {
		r = nothing("infinite in %d of %d dimensions: there are intervals with real samples and no generated one", infinite, len(values))
		r.More = []Field{{"values", values}}
	}
	return r
}

// histograms are the shares of two samples in equal intervals from the least to the greatest of both, the last one closed
// (as numpy.histogram has it).
func histograms(a, b []float64, bins int) (p, q []float64) {
	low, high := min(slices.Min(a), slices.Min(b)), max(slices.Max(a), slices.Max(b))
	share := func(of []float64) []float64 {
		h := make([]float64, bins)
		for _, v := range of {
			at := 0
			if high > low {
				at = min(int((v-low)/(high-low)*float64(bins)), bins-1)
			}
			h[at] += 1 / float64(len(of))
		}
		return h
	}
	return share(a), share(b)
}

// relativeEntropy is sum p log(p/q), in nats.
func relativeEntropy(p, q []float64) float64 {
	sum := 0.
	for i := range p {
		switch {
		case p[i] == 0:
		case q[i] == 0:
			return math.Inf(1)
		default:
			sum += p[i] * math.Log(p[i]/q[i])
		}
	}
	return sum
}
