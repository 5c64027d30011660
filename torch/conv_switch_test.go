package torch_test

import (
	"fmt"
	"sync"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Partial tiles, channels that fill no vector, both kinds, thin and 1x1.
var mixedCases = []convCase{
	{n: 5, in: 70, out: 90, h: 19, w: 22, stride: 2, padding: 1},
	{n: 3, in: 130, out: 66, h: 16, w: 16, stride: 2, padding: 1},
	{transposed: true, n: 5, in: 90, out: 70, h: 9, w: 11, stride: 2, padding: 1, extra: [2]int{1, 0}},
	{transposed: true, n: 40, in: 256, out: 192, h: 8, w: 8, stride: 2, padding: 1},
	{transposed: true, n: 5, in: 64, out: 3, h: 11, w: 9, stride: 2, padding: 1},
	{n: 5, in: 1, out: 64, h: 32, w: 32, stride: 2, padding: 1},
}

func TestConvHasTheSameBitsEachTimeAndOnAnyThreads(t *testing.T) {
	kernelSets(t)
	for _, c := range mixedCases {
		var want [][]float64 // on one thread
		for n := 1; n <= 3; n++ {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				operands := c.operands(s, 1)
				got := c.values(s, fast(), operands, torch.Float32)
				for range 2 {
					assert.Equal(t, got, c.values(s, fast(), operands, torch.Float32), "%v on %d threads", c, n)
				}
				if n == 1 {
					want = got
				}
				if min(c.in, c.out) >= 64 { // the others have directions that are libtorch's
					assert.Equal(t, want, got, "%v on %d threads", c, n)
				}
			}, torch.Threads(n))
		}
	}
}

func TestConvFromSeveralThreadsAtOnce(t *testing.T) {
	kernelSets(t)
	compute := func(c convCase) [][]float64 {
		s, err := torch.NewScope(torch.On(torch.CPU))
		if !assert.NoError(t, err) {
			return nil
		}
		defer s.Close()
		return c.values(s, fast(), c.operands(s, 3), torch.Float32)
	}
	var want [][][]float64
	for _, c := range mixedCases {
		want = append(want, compute(c))
	}
	var all sync.WaitGroup
	for range 2 {
		for i, c := range mixedCases {
			all.Go(func() { assert.Equal(t, want[i], compute(c), "%v", c) })
		}
	}
	all.Wait()
}

// What is not dense float32 with channels innermost on the CPU is libtorch's, to the bit.
func TestConvLeavesTheRestToLibtorch(t *testing.T) {
	kernelSets(t)
	layer := convCase{n: 2, in: 64, out: 64, h: 16, w: 16, stride: 2, padding: 1}
	wide, shifted := layer, layer
	wide.stride, shifted.padding = 1, 0
	for name, c := range map[string]struct {
		convCase
		change func(torch.Tensor) torch.Tensor
	}{
		"double":      {layer, func(x torch.Tensor) torch.Tensor { return x.To(torch.Float64) }},
		"contiguous":  {layer, func(x torch.Tensor) torch.Tensor { return x.ToFormat(torch.Contiguous) }},
		"stride 1":    {wide, torch.Tensor.Clone},
		"no padding":  {shifted, torch.Tensor.Clone},
		"no channels": {convCase{n: 2, in: 4, out: 4, h: 9, w: 9, stride: 2, padding: 1}, torch.Tensor.Clone},
	} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 2)
			x, w := c.change(operands[0]), c.change(operands[1])
			got := c.applyIn(s.Child(fast()), x, w)
			assert.Equal(t, c.applyIn(s.Child(stock), x, w), got, name)
		})
	}
	root, err := torch.NewScope(torch.On(torch.CPU), torch.BF16, fast())
	require.NoError(t, err)
	defer root.Close()
	operands := layer.operands(root, 2)
	assert.Equal(t, torch.BFloat16, layer.apply(operands[0], operands[1]).Info().DType)
}

// The result has libtorch's layout, and the bias is added and differentiated.
func TestConvWithBias(t *testing.T) {
	kernelSets(t)
	for _, c := range []convCase{mixedCases[0], mixedCases[2], dcganLayers(32, 2)[0], dcganLayers(32, 2)[1],
		{n: 2, in: 32, out: 16, h: 5, w: 7, stride: 1, kernel: 1}} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 4)
			bias := s.Randn(s.NewGenerator(5), c.out).RequireGrad()
			o := torch.Conv{Stride: [2]int{c.stride, c.stride}, Padding: [2]int{c.padding, c.padding}, OutputPadding: c.extra}
			values := func(mode torch.Option) (y, grad []float64) {
				s := s.Child(mode)
				bias := s.Use(bias)
				conv := torch.Tensor.Conv2d
				if c.transposed {
					conv = torch.Tensor.ConvTranspose2d
				}
				out := conv(s.Use(operands[0]), s.Use(operands[1]), bias, o)
				require.True(t, out.Info().ChannelsLast, "%v", c)
				return out.Detach().Doubles(), torch.Grad(out.Mul(s.Use(operands[2])).Sum(), false, bias)[0].Doubles()
			}
			wantY, wantGrad := values(stock)
			y, grad := values(fast())
			assert.Less(t, distance(wantY, y), 3e-6, "%v", c)
			assert.Less(t, distance(wantGrad, grad), 1e-6, "%v", c)
		})
	}
}

func TestConvErrorsAreLibtorchs(t *testing.T) {
	kernelSets(t)
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		o := torch.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
		x := s.Zeros(2, 64, 16, 16).ToFormat(torch.ChannelsLast)
		e := torchtest.Error(t, func() { x.Conv2d(s.Zeros(64, 32, 4, 4).ToFormat(torch.ChannelsLast), torch.Tensor{}, o) })
		assert.Contains(t, e.Msg, "expected input[2, 64, 16, 16] to have 32 channels")
		o.OutputPadding = [2]int{2, 2}
		e = torchtest.Error(t, func() { x.ConvTranspose2d(s.Zeros(64, 64, 4, 4).ToFormat(torch.ChannelsLast), torch.Tensor{}, o) })
		assert.Contains(t, e.Msg, "output padding must be smaller than either stride or dilation")
	}, fast())
}

func TestConvolutionsAreOfTheScope(t *testing.T) {
	sets := kernelSets(t)
	c := convCase{n: 4, in: 64, out: 128, h: 16, w: 16, stride: 2, padding: 1}
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		operands := c.operands(s, 6)
		apply := func(o ...torch.Option) []float64 { return c.applyIn(s.Child(o...), operands[0], operands[1]) }
		best := apply(torch.Convolutions(sets[0], false))
		assert.Equal(t, best, apply(), "the best set, unless another is asked for")
		assert.Equal(t, best, apply(fast()))
		assert.NotEqual(t, best, apply(stock))
	})
	for _, k := range append(sets, torch.ConvStock) {
		named, ok := torch.ConvKernelsNamed(k.String())
		assert.True(t, ok)
		assert.Equal(t, k, named)
	}
	_, ok := torch.ConvKernelsNamed("sse")
	assert.False(t, ok)
}

// Second gradients may be zeros that have no memory, here the derivative of a sign.
func TestConvTakesZerosWithoutMemory(t *testing.T) {
	kernelSets(t)
	for _, c := range []convCase{
		{n: 2, in: 64, out: 64, h: 2, w: 2, stride: 2, padding: 1},
		{transposed: true, n: 2, in: 64, out: 64, h: 3, w: 3, stride: 2, padding: 1},
	} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 7)
			values := func(by torch.Option) (all [][]float64) {
				s := s.Child(by)
				x, w := s.Use(operands[0]).Clone().RequireGrad(), s.Use(operands[1]).Clone().RequireGrad()
				first := torch.Grad(c.apply(x, w).Abs().Sum(), true, x, w)
				squares := first[0].Mul(first[0]).Sum().Add(first[1].Mul(first[1]).Sum())
				for _, g := range append(first, torch.Grad(squares, false, x, w)...) {
					all = append(all, g.Detach().Doubles())
				}
				return all
			}
			want, got := values(stock), values(fast())
			for i := range want {
				assert.Less(t, distance(want[i], got[i]), 3e-6, "%v: %d", c, i)
			}
		})
	}
}

// Our kernels take no bias that libtorch would not.
func TestConvRefusesABiasAsLibtorch(t *testing.T) {
	kernelSets(t)
	for _, c := range []convCase{mixedCases[0], mixedCases[2], dcganLayers(32, 2)[0], dcganLayers(32, 2)[1]} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 8)
			o := torch.Conv{Stride: [2]int{c.stride, c.stride}, Padding: [2]int{c.padding, c.padding}, OutputPadding: c.extra}
			for name, bias := range map[string]torch.Tensor{
				"one": s.Ones(1), "double": s.FullOf(torch.Float64, 1, c.out), "matrix": s.Ones(c.out, 1), "wide": s.Ones(c.out + 1),
			} {
				said := func(by torch.Option) string {
					s := s.Child(by)
					conv := torch.Tensor.Conv2d
					if c.transposed {
						conv = torch.Tensor.ConvTranspose2d
					}
					var err error
					func() {
						defer torch.Catch(&err)
						conv(s.Use(operands[0]), s.Use(operands[1]), s.Use(bias), o)
					}()
					return fmt.Sprint(err)
				}
				assert.Equal(t, said(stock), said(fast()), "%v: %s", c, name)
			}
		})
	}
}
