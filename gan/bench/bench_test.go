package bench

import (
	"testing"

	"forger/data"
	"forger/gan/method"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The official networks take .208 GFLOP forward each; a step is 11 such passes but for two gradients of real images and
// one of latents, which nobody needs.
func TestArithmeticOfTheOfficialStep(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		var o method.Options
		o.Settings().Reset()
		nets := method.Table["gan"].Nets(model.NewBuilder(s, 1), o, data.Shape{Height: 64, Width: 64, Channels: 3})
		gen, disc := nets[0].Module, nets[1].Module
		d, dFirst, err := layerCost(disc, []int{3, 64, 64}, 64)
		require.NoError(t, err)
		first := 2.0 * 64 * 3 * 16 * 32 * 32
		assert.Equal(t, first, dFirst.flops)
		assert.Equal(t, first+2*16*(128*64*256+256*128*64+512*256*16+512), d.flops)
		assert.Equal(t, 4*(3.*64*64+64*32*32+64*3*16/64.), dFirst.bytes)
		g, gFirst, err := layerCost(gen, []int{100, 1, 1}, 64)
		require.NoError(t, err)
		assert.Equal(t, 2.*100*512*16, gFirst.flops)
		assert.Equal(t, gFirst.flops+2*16*(512*256*16+256*128*64+128*64*256+64*3*1024), g.flops)
		step, err := stepCost(nets, 64)
		require.NoError(t, err)
		assert.Equal(t, 8*d.flops-2*dFirst.flops+3*g.flops-gFirst.flops, step.flops)
		o.DiscSteps = 2
		twice, err := stepCost(method.Table["gan"].Nets(model.NewBuilder(s, 1), o, data.Shape{Height: 64, Width: 64, Channels: 3}), 64)
		require.NoError(t, err)
		assert.Equal(t, step.flops+6*d.flops-2*dFirst.flops+g.flops, twice.flops)
	})
}

// Constant matrices are multiplied faster than any that a training has.
func TestThePeakIsOfRandomNumbers(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		a, b := factors(s, 64)
		for _, m := range []torch.Tensor{a, b} {
			assert.InDelta(t, 1, m.Var().Item(), .1)
		}
		assert.NotEqual(t, a.Doubles(), b.Doubles())
	})
}
