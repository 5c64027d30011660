package torch_test

import (
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

var normLayer = normCase{n: 4, c: 32, h: 9, w: 7, slope: .2}

// operandsIn are the operands as tensors of s.
func (c normCase) operandsIn(s *torch.Scope, seed uint64) []torch.Tensor {
	operands := c.operands(s, seed)
	for i, t := range operands {
		operands[i] = s.Use(t)
	}
	return operands
}

// differentiated is y, the gradient of x and the running statistics.
func differentiated(way normWay, x, gy torch.Tensor, n torch.Norm, training bool, slope float64) [][]float64 {
	x = x.Clone().RequireGrad()
	y := way(x, n, training, slope)
	out := [][]float64{y.Detach().Doubles(), torch.Grad(y.Mul(gy).Sum(), false, x)[0].Doubles()}
	for _, t := range []torch.Tensor{n.Mean, n.Var, n.Tracked} {
		if t.Valid() {
			out = append(out, t.Doubles())
		}
	}
	return out
}

// What is not float32 with channels innermost on the CPU and a whole layer is libtorch's two ops, to the bit; and so is all
// of a scope whose convolutions are stock.
func TestBatchNormLeakyReLULeavesTheRestToLibtorch(t *testing.T) {
	kernelSets(t)
	same := func(x torch.Tensor) torch.Tensor { return x }
	whole := func(n torch.Norm) torch.Norm { return n }
	for name, c := range map[string]struct {
		option   torch.Option
		change   func(torch.Tensor) torch.Tensor
		layer    func(torch.Norm) torch.Norm
		training bool
	}{
		"double":     {torch.WithGrad, func(x torch.Tensor) torch.Tensor { return x.To(torch.Float64) }, whole, true},
		"contiguous": {torch.WithGrad, func(x torch.Tensor) torch.Tensor { return x.ToFormat(torch.Contiguous) }, whole, true},
		"matrix":     {torch.WithGrad, func(x torch.Tensor) torch.Tensor { return x.Reshape(-1, 32) }, whole, true},
		"bf16":       {torch.BF16, same, whole, true},
		"stock":      {stock, same, whole, true},
		"in eval":    {torch.WithGrad, same, whole, false},
		"no weights": {torch.WithGrad, same, func(n torch.Norm) torch.Norm { n.Weight, n.Bias = torch.Tensor{}, torch.Tensor{}; return n }, true},
		"no running": {torch.WithGrad, same, func(n torch.Norm) torch.Norm { n.Mean, n.Var = torch.Tensor{}, torch.Tensor{}; return n }, true},
	} {
		for i := range 4 {
			slope, each := []float64{0, .2}[i%2], i/2 == 1
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				of := normLayer
				of.each = each
				operands := of.operandsIn(s, 2)
				if each && name == "matrix" {
					t.Skip("its rows are other than the labels'")
				}
				x, gy := c.change(operands[0]), c.change(operands[3])
				layer := func() torch.Norm {
					n := newNorm(s, operands[1], operands[2])
					if x.Info().DType == torch.Float64 {
						n = newNorm(s, operands[1].To(torch.Float64), operands[2].To(torch.Float64))
					}
					return c.layer(n)
				}
				want := differentiated(pair, x, gy, layer(), c.training, slope)
				assert.Equal(t, want, differentiated(fused, x, gy, layer(), c.training, slope), "%s, slope %g, each %v", name, slope, each)
			}, c.option)
		}
	}
}

func TestBatchNormLeakyReLUInEval(t *testing.T) {
	kernelSets(t)
	for _, slope := range []float64{0, .2} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := normLayer.operandsIn(s, 3)
			n := newNorm(s, operands[1], operands[2])
			want, got := pair(operands[0], n, false, slope).Doubles(), fused(operands[0], n, false, slope).Doubles()
			assert.Less(t, distance(want, got), 1e-6)
			assert.False(t, slices.Equal(want, got), "libtorch computed it")
			assert.Equal(t, slices.Repeat([]float64{.5}, 32), n.Mean.Doubles(), "untouched")
			assert.Equal(t, slices.Repeat([]float64{2}, 32), n.Var.Doubles(), "untouched")
			assert.Equal(t, 3., n.Tracked.Item(), "untouched")
		}, torch.NoGrad)
	}
}

// A gradient may come with another layout, or as one number repeated.
func TestBatchNormLeakyReLUTakesAnyGradient(t *testing.T) {
	kernelSets(t)
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		operands := normLayer.operandsIn(s, 5)
		gradient := func(of func(y torch.Tensor) torch.Tensor) []float64 {
			x := s.Use(operands[0].Detach()).Clone().RequireGrad()
			y := fused(x, newNorm(s, operands[1], operands[2]), true, .2)
			return torch.Grad(of(y), false, x)[0].Doubles()
		}
		want := gradient(func(y torch.Tensor) torch.Tensor { return y.Mul(operands[3]).Sum() })
		planar := operands[3].ToFormat(torch.Contiguous)
		assert.Equal(t, want, gradient(func(y torch.Tensor) torch.Tensor { return y.ToFormat(torch.Contiguous).Mul(planar).Sum() }))
		ones := s.Ones(4, 32, 9, 7).ToFormat(torch.ChannelsLast)
		want = gradient(func(y torch.Tensor) torch.Tensor { return y.Mul(ones).Sum() })
		assert.Equal(t, want, gradient(func(y torch.Tensor) torch.Tensor { return y.Sum() }))
	})
}

// The gradient of y may be somebody else's too: another op's, or the caller's.
func TestBatchNormLeakyReLUKeepsAGradientThatIsShared(t *testing.T) {
	kernelSets(t)
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		operands := normLayer.operandsIn(s, 6)
		gy := operands[3]
		gradients := func(way normWay) (all [][]float64) {
			a, b := s.Use(operands[0].Detach()).Clone().RequireGrad(), s.Use(operands[4].Detach()).Clone().RequireGrad()
			y := way(a, newNorm(s, operands[1], operands[2]), true, .2)
			z := way(b, newNorm(s, operands[1], operands[2]), true, .2)
			for _, g := range torch.Grad(y.Add(z).Add(y).Mul(gy).Sum(), false, a, b, y, z) {
				all = append(all, g.Doubles())
			}
			w := way(a, newNorm(s, operands[1], operands[2]), true, .2)
			return append(all, torch.Grad(w.Add(b).Mul(gy).Sum(), false, a, b)[1].Doubles(), gy.Doubles())
		}
		want, got := gradients(pair), gradients(fused)
		for i := range want {
			assert.Less(t, distance(want[i], got[i]), 1e-6, "gradient %d", i)
		}
	})
}

func TestBatchNormLeakyReLUErrors(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		c := normCase{n: 1, c: 32, h: 1, w: 1}
		operands := c.operandsIn(s, 1)
		n := newNorm(s, operands[1], operands[2])
		e := torchtest.Error(t, func() { fused(operands[0], n, true, 0) })
		assert.Contains(t, e.Error(), "more than 1 value per channel")
		assert.Equal(t, 3., n.Tracked.Item(), "the batch was not counted")
		n.Mean = s.Zeros(31)
		wide := normLayer.operandsIn(s, 1)[0]
		e = torchtest.Error(t, func() { fused(wide, n, true, 0) })
		assert.Contains(t, e.Error(), "running_mean should contain 32 elements not 31")
		for name, sides := range map[string][2]torch.Tensor{
			"a sample too few": {s.Ones(3, 32), s.Ones(3, 32)}, "no bias": {s.Ones(4, 32), torch.Tensor{}}, "the bias of all": {s.Ones(4, 32), s.Ones(32)},
			"no weight": {torch.Tensor{}, s.Ones(4, 32)}, "the weight of all": {s.Ones(32), s.Ones(4, 32)}, "a channel": {s.Ones(4, 1), s.Ones(4, 1)},
		} {
			n := newNorm(s, s.Ones(32), s.Ones(32))
			n.Weight, n.Bias = sides[0], sides[1]
			for _, way := range []normWay{fused, pair} {
				e = torchtest.Error(t, func() { way(wide, n, true, 0) })
				assert.Contains(t, e.Error(), "weight and bias of each sample must both be [N,C]", name)
			}
		}
	})
}

// A chain of which the last tensor alone holds the nodes is freed one node after another: by recursion a stack would not do.
func TestBatchNormLeakyReLUInALongChain(t *testing.T) {
	kernelSets(t)
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		n := newNorm(s, s.Ones(2).RequireGrad(), s.Zeros(2))
		y := s.Ones(1, 2, 2, 1).ToFormat(torch.ChannelsLast)
		for range 100_000 {
			y = fused(y, n, true, .2)
		}
		assert.Equal(t, []float64{0, 0, 0, 0}, y.Detach().Doubles())
	}, torch.Threads(1))
}

// Second gradients may be zeros that have no memory, here the derivative of a sign.
func TestBatchNormLeakyReLUTakesZerosWithoutMemory(t *testing.T) {
	kernelSets(t)
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		operands := normCase{n: 64, c: 16, h: 1, w: 1}.operandsIn(s, 9)
		values := func(way normWay) (all [][]float64) {
			x := s.Use(operands[0].Detach()).Clone().RequireGrad()
			first := torch.Grad(way(x, newNorm(s, operands[1], operands[2]), true, .2).Abs().Sum(), true, x)[0]
			second := torch.Grad(first.Mul(operands[3]).Sum(), false, x)[0]
			return [][]float64{first.Detach().Doubles(), second.Doubles()}
		}
		want, got := values(pair), values(fused)
		for i := range want {
			assert.Less(t, distance(want[i], got[i]), 1e-5, i)
		}
	})
}

// Libtorch's rectifier needs its result for the gradient, and refuses one that was written over. So does ours, on the CPU as
// on CUDA.
func TestBatchNormLeakyReLURefusesAResultWrittenOver(t *testing.T) {
	kernelSets(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, change := range map[string]func(y torch.Tensor){
			"in place": func(y torch.Tensor) { y.TanhInPlace() },
			"copied":   func(y torch.Tensor) { y.CopyFrom(y.Scope().Zeros(1)) },
		} {
			for way, apply := range map[string]normWay{"pair": pair, "fused": fused} {
				operands := normLayer.operandsIn(s, 10)
				x := s.Use(operands[0].Detach()).Clone().RequireGrad()
				y := apply(x, newNorm(s, operands[1], operands[2]), true, .2)
				change(y)
				e := torchtest.Error(t, func() { y.Sum().Backward(x) })
				assert.Contains(t, e.Error(), "has been modified by an inplace operation", "%s %s", way, name)
			}
		}
	})
}
