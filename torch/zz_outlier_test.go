package torch_test

import (
	"math"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"
)

func TestOutlierMeasured(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		c := convCase{n: 1, in: 64, out: 64, h: 16, w: 16, stride: 2, padding: 1}
		op := c.operands(s, 1)
		planar := op[0].ToFormat(torch.Contiguous).Doubles()
		run := func(by torch.Option, factor float64) []float64 {
			v := append([]float64(nil), planar...)
			for ch := range 64 {
				v[ch*256+7*16+7] *= factor
			}
			s := s.Child(by)
			x := s.FromDoubles(v, 1, 64, 16, 16).To(torch.Float32).ToFormat(torch.ChannelsLast)
			return c.apply(x, s.Use(op[1])).Doubles()
		}
		for name, by := range map[string]torch.Option{"stock": stock, "fast": fast()} {
			for _, f := range []float64{1000, math.Inf(1)} {
				a, b := run(by, 1), run(by, f)
				worst, rms, bad, n := 0., 0., 0, 0.
				for i := range a {
					oy, ox := i/8%8, i%8
					if abs(2*oy-7)+0 <= 2 && 2*oy-1 <= 7 && 7 <= 2*oy+2 && 2*ox-1 <= 7 && 7 <= 2*ox+2 {
						continue
					}
					d := math.Abs(a[i] - b[i])
					if math.IsNaN(d) || math.IsInf(d, 0) {
						bad++
					} else {
						worst = max(worst, d)
					}
					rms += a[i] * a[i]
					n++
				}
				t.Logf("%s factor %g: worst %g, rms %g, bad %d of %g", name, f, worst, math.Sqrt(rms/n), bad, n)
			}
		}
	})
}

func abs(x int) int { return max(x, -x) }
