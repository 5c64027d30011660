package vision

import "math"

// span is one axis of a resize: out pixels would cover the input from `from` to `to`, and count of them, from first on,
// are wanted.
type span struct {
	in           int     // pixels there are to read
	from, to     float64 // in input pixels
	out          int
	first, count int
}

// identity says that every output pixel is an input pixel.
func (s span) identity() bool { return s.from == 0 && s.to == float64(s.out) && s.in == s.out }

// kernel is a span's filter in Pillow's fixed point (Resample.c).
type kernel struct {
	span    span
	bounds  []int   // for each output: first input, number of inputs
	weights []int32 // for each output: ksize weights
	ksize   int
	exact   []float64
}

// precision is Pillow's PRECISION_BITS for 8-bit channels: sums of products keep 2 bits of head room.
const precision = 32 - 8 - 2

// set makes k the filter of s, in k's memory: Pillow's precompute_coeffs with the triangle filter, widened by the scale
// when shrinking, then normalize_coeffs_8bpc.
func (k *kernel) set(s span) {
	scale := (s.to - s.from) / float64(s.out)
	filter := math.Max(scale, 1)
	support := filter // the triangle reaches one (scaled) pixel to either side
	k.span, k.ksize = s, int(math.Ceil(support))*2+1
	k.bounds, k.weights = grow(k.bounds, 2*s.count), grow(k.weights, k.ksize*s.count)
	k.exact = grow(k.exact, k.ksize)
	for i := range s.count {
		center := s.from + (float64(s.first+i)+.5)*scale
		lo := max(int(center-support+.5), 0)
		hi := min(int(center+support+.5), s.in)
		k.bounds[2*i], k.bounds[2*i+1] = lo, hi-lo
		k.weigh(k.weights[i*k.ksize:], lo, hi-lo, center, filter)
	}
}

func (k *kernel) weigh(weights []int32, lo, n int, center, filter float64) {
	sum := 0.0
	for i := range n {
		k.exact[i] = math.Max(0, 1-math.Abs((float64(i+lo)-center+.5)/filter))
		sum += k.exact[i]
	}
	for i := range n {
		v := k.exact[i]
		if sum != 0 {
			v /= sum
		}
		// All weights of this filter are positive, so rounding is by adding a half.
		weights[i] = int32(.5 + v*(1<<precision))
	}
}

// kernels keeps the filters of the shapes that came last.
type kernels struct {
	kept [64]kernel
	used int
}

// of finds or makes the filter of s. What it returned for another span may change.
func (ks *kernels) of(s span) *kernel {
	n := min(ks.used, len(ks.kept))
	for i := range n {
		if ks.kept[i].span == s {
			return &ks.kept[i]
		}
	}
	k := &ks.kept[ks.used%len(ks.kept)]
	ks.used++
	k.set(s)
	return k
}

func grow[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n)
	}
	return b[:n]
}
