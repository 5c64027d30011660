package torch_test

import (
	"fmt"
	"runtime"
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
	useConv(t, "fast")
	threads := torch.Threads()
	t.Cleanup(func() { torch.SetThreads(threads) })
	for _, c := range mixedCases {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 1)
			for n := 1; n <= 3; n++ {
				torch.SetThreads(n)
				want := c.values(s, operands, torch.Float32)
				for range 3 {
					assert.Equal(t, want, c.values(s, operands, torch.Float32), "%v on %d threads", c, n)
				}
			}
		})
	}
}

func TestConvFromSeveralThreadsAtOnce(t *testing.T) {
	kernelSets(t)
	useConv(t, "fast")
	compute := func(c convCase) [][]float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s, err := torch.NewScope(torch.On(torch.CPU))
		if !assert.NoError(t, err) {
			return nil
		}
		defer s.Close()
		return c.values(s, c.operands(s, 3), torch.Float32)
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
	useConv(t, "fast")
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
			require.NoError(t, torch.SetConv("fast"))
			got := c.apply(x, w)
			require.NoError(t, torch.SetConv("stock"))
			assert.Equal(t, c.apply(x, w).Doubles(), got.Doubles(), name)
		})
	}
	root, err := torch.NewScope(torch.On(torch.CPU), torch.BF16)
	require.NoError(t, err)
	defer root.Close()
	operands := layer.operands(root, 2)
	require.NoError(t, torch.SetConv("fast"))
	assert.Equal(t, torch.BFloat16, layer.apply(operands[0], operands[1]).Info().DType)
}

// The result has libtorch's layout, and the bias is added and differentiated.
func TestConvWithBias(t *testing.T) {
	kernelSets(t)
	useConv(t, "fast")
	for _, c := range []convCase{mixedCases[0], mixedCases[2], dcganLayers(32, 2)[0], dcganLayers(32, 2)[1]} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			operands := c.operands(s, 4)
			for i, o := range operands {
				operands[i] = s.Use(o)
			}
			bias := s.Randn(s.NewGenerator(5), c.out).RequireGrad()
			o := torch.Conv{Stride: [2]int{c.stride, c.stride}, Padding: [2]int{c.padding, c.padding}, OutputPadding: c.extra}
			values := func(mode string) (y, grad []float64) {
				require.NoError(t, torch.SetConv(mode))
				conv := torch.Tensor.Conv2d
				if c.transposed {
					conv = torch.Tensor.ConvTranspose2d
				}
				out := conv(operands[0], operands[1], bias, o)
				require.True(t, out.Info().ChannelsLast, "%v %s", c, mode)
				return out.Detach().Doubles(), torch.Grad(out.Mul(operands[2]).Sum(), false, bias)[0].Doubles()
			}
			wantY, wantGrad := values("stock")
			y, grad := values("fast")
			assert.Less(t, distance(wantY, y), 3e-6, "%v", c)
			assert.Less(t, distance(wantGrad, grad), 1e-6, "%v", c)
		})
	}
}

func TestConvErrorsAreLibtorchs(t *testing.T) {
	kernelSets(t)
	useConv(t, "fast")
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		o := torch.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
		x := s.Zeros(2, 64, 16, 16).ToFormat(torch.ChannelsLast)
		e := torchtest.Error(t, func() { x.Conv2d(s.Zeros(64, 32, 4, 4).ToFormat(torch.ChannelsLast), torch.Tensor{}, o) })
		assert.Contains(t, e.Msg, "expected input[2, 64, 16, 16] to have 32 channels")
		o.OutputPadding = [2]int{2, 2}
		e = torchtest.Error(t, func() { x.ConvTranspose2d(s.Zeros(64, 64, 4, 4).ToFormat(torch.ChannelsLast), torch.Tensor{}, o) })
		assert.Contains(t, e.Msg, "output padding must be smaller than either stride or dilation")
	})
}

func TestSetConv(t *testing.T) {
	sets := kernelSets(t)
	useConv(t, sets[0])
	assert.EqualError(t, torch.SetConv("quick"), fmt.Sprintf(
		`torch: conv: mode "quick": not one of auto, fast, stock, or an instruction set of this processor (%s): choose one of these`, sets[0]))
	c := convCase{n: 4, in: 64, out: 128, h: 16, w: 16, stride: 2, padding: 1}
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		operands := c.operands(s, 6)
		by := map[string][]float64{}
		for _, mode := range append(sets, "auto", "fast", "stock") {
			require.NoError(t, torch.SetConv(mode))
			by[mode] = c.apply(operands[0], operands[1]).Doubles()
		}
		assert.Equal(t, by[sets[0]], by["auto"], "auto is the best set")
		assert.Equal(t, by["auto"], by["fast"])
		assert.NotEqual(t, by["auto"], by["stock"])
	})
}
