package torch_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fast is every convolution by the best kernels that can compute it.
func fast() torch.Option { return torch.Convolutions(torch.BestConv(), true) }

var stock = torch.Convolutions(torch.ConvStock, false)

// kernelSets are the sets of kernels this processor can run, best first.
func kernelSets(t *testing.T) []torch.ConvKernels {
	t.Helper()
	require.NoError(t, torch.Load())
	switch torch.BestConv() {
	case torch.ConvAVX512:
		return []torch.ConvKernels{torch.ConvAVX512, torch.ConvAVX2}
	case torch.ConvAVX2:
		return []torch.ConvKernels{torch.ConvAVX2}
	}
	t.Skip("this processor has no AVX2: all convolutions are libtorch's")
	return nil
}

// convCase is a convolution, or a transposed one, of x [n,in,h,w].
type convCase struct {
	transposed      bool
	n, in, out      int
	h, w            int
	stride, padding int
	extra           [2]int // output padding
	kernel          int    // its side; 0: 4
}

func (c convCase) String() string {
	name := "conv"
	if c.transposed {
		name = "transposed"
	}
	return fmt.Sprintf("%s %d>%d @%dx%d +%v n%d s%d", name, c.in, c.out, c.h, c.w, c.extra, c.n, c.stride)
}

func (c convCase) apply(x, w torch.Tensor) torch.Tensor {
	o := torch.Conv{Stride: [2]int{c.stride, c.stride}, Padding: [2]int{c.padding, c.padding}, OutputPadding: c.extra}
	if c.transposed {
		return x.ConvTranspose2d(w, torch.Tensor{}, o)
	}
	return x.Conv2d(w, torch.Tensor{}, o)
}

// applyIn is the values of y, computed in s.
func (c convCase) applyIn(s *torch.Scope, x, w torch.Tensor) []float64 {
	return c.apply(s.Use(x), s.Use(w)).Doubles()
}

// operands are x, w and the gradient of y, and directions of x and w to differentiate the gradients along.
func (c convCase) operands(s *torch.Scope, seed uint64) []torch.Tensor {
	g := s.NewGenerator(seed)
	s = s.Child(torch.NoGrad)
	weight := []int{c.out, c.in, cmp.Or(c.kernel, 4), cmp.Or(c.kernel, 4)}
	if c.transposed {
		weight[0], weight[1] = c.in, c.out
	}
	shapes := [][]int{{c.n, c.in, c.h, c.w}, weight, nil, {c.n, c.in, c.h, c.w}, weight}
	made := make([]torch.Tensor, len(shapes))
	for i, shape := range shapes {
		if shape == nil {
			shape = c.apply(made[0], made[1]).Shape()
		}
		made[i] = s.Randn(g, shape...).ToFormat(torch.ChannelsLast)
	}
	return made
}

// directions names what values yields.
var directions = []string{"y", "gx", "gw", "second x", "second w", "second gy"}

// values are y, its gradients, and the gradients of these.
func (c convCase) values(parent *torch.Scope, by torch.Option, operands []torch.Tensor, d torch.DType) [][]float64 {
	s := parent.Child(by)
	defer s.Close()
	in := make([]torch.Tensor, len(operands))
	for i, t := range operands {
		in[i] = s.Use(t.Detach()).To(d).Clone()
		if i < 3 {
			in[i].RequireGrad()
		}
	}
	x, w, gy := in[0], in[1], in[2]
	y := c.apply(x, w)
	grads := torch.Grad(y.Mul(gy).Sum(), true, x, w)
	second := torch.Grad(grads[0].Mul(in[3]).Sum().Add(grads[1].Mul(in[4]).Sum()), false, x, w, gy)
	var out [][]float64
	for _, t := range append([]torch.Tensor{y, grads[0], grads[1]}, second...) {
		out = append(out, t.Detach().Doubles())
	}
	return out
}

// distance is |got-want| / |want|, l2.
func distance(want, got []float64) float64 {
	var d, n float64
	for i := range want {
		d += (got[i] - want[i]) * (got[i] - want[i])
		n += want[i] * want[i]
	}
	return math.Sqrt(d / n)
}

// checkErrors compares each mode with float64: at most 3e-6 off, and at most 8 times as far as libtorch's float32. It
// tells which of the directions a mode computed, and not libtorch.
func (c convCase) checkErrors(t *testing.T, s *torch.Scope, seed uint64, modes map[string]torch.Option) (ours [6]bool) {
	t.Helper()
	operands := c.operands(s, seed)
	want, libtorch := c.values(s, stock, operands, torch.Float64), c.values(s, stock, operands, torch.Float32)
	for mode, by := range modes {
		got := c.values(s, by, operands, torch.Float32)
		for i, what := range directions {
			require.Len(t, got[i], len(want[i]), "%v %s", c, what)
			off, stockOff := distance(want[i], got[i]), distance(want[i], libtorch[i])
			t.Logf("%s, %v, %s: %.2g, %.1f times libtorch's", mode, c, what, off, off/stockOff)
			assert.LessOrEqual(t, off, 3e-6, "%v %s %s", c, what, mode)
			assert.LessOrEqual(t, off, 8*stockOff, "%v %s %s", c, what, mode)
			ours[i] = ours[i] || !slices.Equal(got[i], libtorch[i])
		}
	}
	return ours
}

// dcganLayers are the convolutions of both networks at a size.
func dcganLayers(size, n int) []convCase {
	cases := []convCase{
		{n: n, in: 512, out: 1, h: 4, w: 4, stride: 1},
		{transposed: true, n: n, in: 100, out: 512, h: 1, w: 1, stride: 1},
	}
	for in, out, side := 3, 64, size; side > 4; in, out, side = out, 2*out, side/2 {
		cases = append(cases, convCase{n: n, in: in, out: out, h: side, w: side, stride: 2, padding: 1},
			convCase{transposed: true, n: n, in: out, out: in, h: side / 2, w: side / 2, stride: 2, padding: 1})
	}
	return cases
}

func TestConvOfEachDCGANLayer(t *testing.T) {
	modes := map[string]torch.Option{}
	for _, k := range kernelSets(t) {
		modes[k.String()] = torch.Convolutions(k, false)
	}
	for _, size := range []int{32, 64, 128} {
		for _, c := range dcganLayers(size, 4) {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				ours := c.checkErrors(t, s, uint64(size), modes)
				if min(c.in, c.out) >= 64 && c.stride == 2 {
					assert.Equal(t, [6]bool{true, true, true, true, true, true}, ours, "%v: who computed %v", c, directions)
				}
			})
		}
	}
}

// One pixel's convolution of few channels is a product of matrices, and of many libtorch's, to the bit.
func TestConvOfOnePixel(t *testing.T) {
	kernelSets(t)
	for c, product := range map[convCase]bool{
		{n: 3, in: 32, out: 16, h: 5, w: 7, stride: 1, kernel: 1}: true,
		{n: 1, in: 17, out: 1, h: 9, w: 4, stride: 1, kernel: 1}:  true,
		{n: 2, in: 16, out: 64, h: 1, w: 6, stride: 1, kernel: 1}: true,
		{n: 2, in: 15, out: 16, h: 6, w: 6, stride: 1, kernel: 1}: false,
		{n: 2, in: 64, out: 32, h: 6, w: 6, stride: 1, kernel: 1}: false,
		{n: 2, in: 32, out: 16, h: 6, w: 6, stride: 2, kernel: 1}: false,
		{n: 2, in: 16, out: 16, h: 6, w: 6, stride: 1, kernel: 3}: false,
	} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			c.checkErrors(t, s, 5, map[string]torch.Option{"fast": fast()})
			x, w := c.operands(s, 5)[0], c.operands(s, 5)[1]
			ops := torchtest.Ops(t, s, func() { c.applyIn(s.Child(fast()), x, w) })
			assert.Equal(t, product, ops["aten::mm"] > 0, "%v: what ran was %v", c, ops)
		})
	}
}

func TestConvOfRandomShapes(t *testing.T) {
	kernelSets(t)
	var ours [6]int
	r := rand.New(rand.NewPCG(7, 11))
	for i := range 200 {
		c := convCase{transposed: i%2 == 1, n: 1 + r.IntN(4), in: 1 + r.IntN(140), out: 1 + r.IntN(140),
			h: 2 + r.IntN(24), w: 2 + r.IntN(24), stride: 2, padding: 1}
		if c.transposed {
			c.h, c.w, c.extra = (c.h+1)/2, (c.w+1)/2, [2]int{r.IntN(2), r.IntN(2)}
		}
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			for i, by := range c.checkErrors(t, s, uint64(i), map[string]torch.Option{"fast": fast()}) {
				if by {
					ours[i]++
				}
			}
		})
	}
	for i, what := range directions {
		assert.Greater(t, ours[i], 80, "%s: cases that libtorch did not compute", what)
	}
}
