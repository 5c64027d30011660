package torch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// normCase is a batch normalisation and a rectifier of x [n,c,h,w], whose mean is about `offset` deviations.
type normCase struct {
	n, c, h, w    int
	slope, offset float64
	each          bool // weight and bias are of each sample
}

func (c normCase) String() string {
	return fmt.Sprintf("[%d,%d,%d,%d] slope %g offset %g each %v", c.n, c.c, c.h, c.w, c.slope, c.offset, c.each)
}

// operands are x, weight, bias, the gradient of y, and directions of x, weight and bias to differentiate the gradients along.
func (c normCase) operands(s *torch.Scope, seed uint64) []torch.Tensor {
	g := s.NewGenerator(seed)
	s = s.Child(torch.NoGrad)
	x, w := []int{c.n, c.c, c.h, c.w}, []int{c.c}
	if c.each {
		w = x[:2]
	}
	var made []torch.Tensor
	for i, shape := range [][]int{x, w, w, x, x, w, w} {
		t := s.Randn(g, shape...)
		if i == 0 {
			t = t.Affine(1, c.offset)
		}
		if i == 1 {
			t = t.Affine(.02, 1)
		}
		if len(shape) == 4 {
			t = t.ToFormat(torch.ChannelsLast)
		}
		made = append(made, t)
	}
	return made
}

var normValues = []string{"y", "running mean", "running var", "gx", "gweight", "gbias", "second x", "second weight", "second gy"}

// normWay is how a case is computed.
type normWay func(x torch.Tensor, n torch.Norm, training bool, slope float64) torch.Tensor

func fused(x torch.Tensor, n torch.Norm, training bool, slope float64) torch.Tensor {
	return x.BatchNormLeakyReLU(n, training, slope)
}

func pair(x torch.Tensor, n torch.Norm, training bool, slope float64) torch.Tensor {
	if slope == 0 {
		return x.BatchNorm(n, training).ReLUInPlace()
	}
	return x.BatchNorm(n, training).LeakyReLUInPlace(slope)
}

func newNorm(s *torch.Scope, weight, bias torch.Tensor) torch.Norm {
	d, shape := weight.Info().DType, weight.Shape()
	c := shape[len(shape)-1]
	return torch.Norm{Weight: weight, Bias: bias, Mean: s.Full(.5, c).To(d), Var: s.Full(2, c).To(d),
		Tracked: s.FullOf(torch.Int64, 3), Momentum: .1, Eps: 1e-5}
}

// values are those that normValues names; the second order only where it is asked for.
func (c normCase) values(parent *torch.Scope, way normWay, operands []torch.Tensor, d torch.DType, second bool, by ...torch.Option) [][]float64 {
	s := parent.Child(by...)
	defer s.Close()
	in := make([]torch.Tensor, len(operands))
	for i, t := range operands {
		in[i] = s.Use(t.Detach()).To(d).Clone()
		if i < 4 {
			in[i].RequireGrad()
		}
	}
	norm := newNorm(s, in[1], in[2])
	y := way(in[0], norm, true, c.slope)
	grads := torch.Grad(y.Mul(in[3]).Sum(), second, in[:3]...)
	all := append([]torch.Tensor{y, norm.Mean, norm.Var}, grads...)
	if second {
		along := grads[0].Mul(in[4]).Sum()
		for i := 1; i < 3; i++ {
			along = along.Add(grads[i].Mul(in[4+i]).Sum())
		}
		all = append(all, torch.Grad(along, false, in[0], in[1], in[3])...)
	}
	var out [][]float64
	for _, t := range all {
		out = append(out, t.Detach().Doubles())
	}
	return append(out, norm.Tracked.Doubles())
}

// check compares the values with float64's: at most four times as far as libtorch's two ops in float32, or a few roundings
// where those are fewer. And with libtorch's, which on many rows are themselves more than 1e-6 off.
func (c normCase) check(t *testing.T, s *torch.Scope, seed uint64, second bool) {
	t.Helper()
	operands := c.operands(s, seed)
	exact, libtorch := c.values(s, pair, operands, torch.Float64, second), c.values(s, pair, operands, torch.Float32, second)
	ours := c.values(s, fused, operands, torch.Float32, second)
	last := len(ours) - 1
	assert.Equal(t, []float64{4}, ours[last], "batches tracked")
	for i := range last {
		require.Len(t, ours[i], len(exact[i]))
		off, theirs, apart := distance(exact[i], ours[i]), distance(exact[i], libtorch[i]), distance(libtorch[i], ours[i])
		t.Logf("%v, %s: %.2g, libtorch %.2g, %.2g apart", c, normValues[i], off, theirs, apart)
		assert.LessOrEqual(t, off, max(4*theirs, 5e-7), "%v, %s, from float64", c, normValues[i])
		assert.LessOrEqual(t, apart, max(1e-6, 2*theirs), "%v, %s, from libtorch", c, normValues[i])
	}
	assert.False(t, slices.Equal(libtorch[0], ours[0]) && slices.Equal(libtorch[3], ours[3]), "%v: libtorch computed it", c)
}

func TestBatchNormLeakyReLUOfEachDCGANLayer(t *testing.T) {
	kernelSets(t)
	for _, c := range []normCase{
		{64, 64, 32, 32, 0, 0, false}, {64, 128, 16, 16, .2, 0, false}, {64, 256, 8, 8, .2, 0, false}, {64, 512, 4, 4, .2, 0, false},
		{64, 512, 4, 4, 0, 0, false}, {64, 64, 32, 32, 0, 0, true}, {64, 512, 4, 4, 0, 0, true},
	} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) { c.check(t, s, 1, false) })
	}
}

// Some of every kind: one pixel, one image, few channels, more than a vector, more rows than a chunk has and not a multiple.
func normCases(n int) []normCase {
	r := rand.New(rand.NewPCG(3, 5))
	var cases []normCase
	for i := range n {
		c := normCase{n: 1 + r.IntN(64), c: []int{1, 3, 16, 17, 64, 100, 512}[i%7], h: 1 + r.IntN(33), w: 1 + r.IntN(33),
			slope: []float64{0, .2}[r.IntN(2)], each: i%3 == 0}
		if i%5 == 0 {
			c.h, c.w = 1, 1
		}
		c.n = min(c.n, 1+1<<17/(c.c*c.h*c.w))
		if c.n*c.h*c.w == 1 {
			c.n = 2
		}
		cases = append(cases, c)
	}
	return cases
}

func TestBatchNormLeakyReLUOfRandomShapes(t *testing.T) {
	kernelSets(t)
	for i, c := range normCases(42) {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) { c.check(t, s, uint64(i), i%2 == 0) })
	}
}

// A mean of a thousand deviations takes ten bits from the sum of a value; the squares lose twenty where they are not taken
// about a mean.
func TestBatchNormLeakyReLUOfALargeMean(t *testing.T) {
	kernelSets(t)
	for _, c := range []normCase{
		{16, 64, 16, 16, .2, 1000, false}, {3, 17, 33, 31, 0, 1000, false}, {64, 512, 1, 1, .2, -1000, false}, {3, 17, 33, 31, 0, 1000, true},
	} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 9)
			exact, ours := c.values(s, pair, operands, torch.Float64, false), c.values(s, fused, operands, torch.Float32, false)
			libtorch := c.values(s, pair, operands, torch.Float32, false)
			for i := range len(ours) - 1 {
				off, theirs := distance(exact[i], ours[i]), distance(exact[i], libtorch[i])
				t.Logf("%v, %s: %.2g, libtorch %.2g", c, normValues[i], off, theirs)
				assert.LessOrEqual(t, off, 1e-6, "%v, %s", c, normValues[i])
			}
		})
	}
}

func TestBatchNormLeakyReLUHasTheSameBitsEachTimeAndOnAnyThreads(t *testing.T) {
	kernelSets(t)
	for _, c := range []normCase{
		{64, 64, 16, 16, 0, 0, false}, {5, 100, 33, 31, .2, 3, false}, {64, 512, 1, 1, .2, 0, false}, {7, 3, 33, 33, .2, 0, false},
		{5, 100, 33, 31, .2, 3, true},
	} {
		var want [][]float64
		for threads := 1; threads <= 3; threads++ {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				operands := c.operands(s, 4)
				for range 3 {
					got := c.values(s, fused, operands, torch.Float32, false)
					if want == nil {
						want = got
					}
					assert.Equal(t, want, got, "%v on %d threads", c, threads)
				}
			}, torch.Threads(threads))
		}
	}
}
