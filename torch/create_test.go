package torch_test

import (
	"fmt"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

func TestBytesGoInAndComeBack(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.FromFloats([]float32{1, -2, 3.5, 4, 5, 6}, 2, 3)
		assert.Equal(t, []float32{1, -2, 3.5, 4, 5, 6}, x.Floats())
		assert.Equal(t, []float32{1, 4, -2, 5, 3.5, 6}, x.Permute(1, 0).Floats(), "row-major whatever the strides are")
		raw := []byte{1, 0, 255, 7}
		assert.Equal(t, raw, s.FromBytes(raw, torch.Uint8, 2, 2).Bytes())
		e := torchtest.Error(t, func() { s.FromBytes(raw, torch.Uint8, 3, 2) })
		assert.Contains(t, e.Error(), "4 bytes for a shape of 6")
		assert.Equal(t, torch.Failed, torchtest.Error(t, func() { x.ReadInto(make([]byte, 23)) }).Code)
		assert.Equal(t, torch.Failed, torchtest.Error(t, func() { x.Item() }).Code)
		assert.InDelta(t, 3.5, x.Slice(1, 2, 3, 1).Narrow(0, 0, 1).Item(), 0)
	})
}

func TestConversions(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.FromDoubles(torchtest.Fill(1, 48), 2, 3, 2, 4)
		for d, slack := range map[torch.DType]float64{
			torch.Float64: 0, torch.Float32: 1e-7, torch.Float16: 1e-3, torch.BFloat16: 8e-3,
		} {
			y := x.To(d)
			assert.Equal(t, d, y.Info().DType)
			torchtest.Close(t, x.Doubles(), y.Doubles(), 0, slack, d.String())
		}
		assert.Equal(t, []int64{3, -2}, s.FromFloats([]float32{3.9, -2.9}, 2).To(torch.Int64).Ints())

		last := x.ToFormat(torch.ChannelsLast)
		assert.True(t, last.Info().ChannelsLast)
		assert.False(t, x.Info().ChannelsLast)
		assert.Equal(t, x.Doubles(), last.Doubles())
		assert.Equal(t, x.Doubles(), last.ToFormat(torch.Contiguous).Doubles())
		assert.Equal(t, x.Doubles(), x.ToDevice(torch.CPU).Doubles())
		assert.Equal(t, torch.CPU, x.ToDevice(torch.CPU).Info().Device)
	})
}

// Images is torchvision's ToTensor and Normalize(.5, .5), in the scope's layout, and Pixels takes it back.
func TestImagesAndPixels(t *testing.T) {
	pixels := make([]byte, 2*3*4*3)
	for i := range pixels {
		pixels[i] = byte(i * 53)
	}
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, f := range []torch.Format{torch.Contiguous, torch.ChannelsLast} {
			x := s.Child(torch.Layout(f)).Images(pixels, 2, 3, 4, 3)
			info := x.Info()
			assert.Equal(t, []int{2, 3, 3, 4}, info.Shape)
			assert.Equal(t, f == torch.ChannelsLast, info.ChannelsLast)
			values := x.Doubles()
			for n := range 2 {
				for c := range 3 {
					for at := range 12 {
						want := (float64(pixels[(n*12+at)*3+c])/255 - .5) / .5
						assert.InDelta(t, want, values[(n*3+c)*12+at], 1e-6)
					}
				}
			}
			assert.Equal(t, pixels, x.Pixels())
		}
		assert.Equal(t, []byte{0, 255, 128}, s.FromFloats([]float32{-7, 7, 0}, 1, 1, 1, 3).Pixels(), "rounded and clipped")
		assert.Equal(t, torch.Failed, torchtest.Error(t, func() { s.Images(pixels, 2, 3, 4, 1) }).Code)
	})
}

// A store of points is bytes on the device, which are filled and picked by rows.
func TestPointsOfAStore(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		points := []float32{.5, -1, 2, 3.25, -4e-9, 5, 6e8, -7}
		store := s.FullOf(torch.Uint8, 0, 4, 8)
		store.FillRows(0, 4, s.FromFloats(points, 8).Bytes())
		got := s.GatherPoints(store, []int64{3, 0, 3})
		assert.Equal(t, torch.Float32, got.Info().DType)
		assert.Equal(t, []int{3, 2}, got.Shape())
		assert.Equal(t, []float32{6e8, -7, .5, -1, 6e8, -7}, got.Floats())
		e := torchtest.Error(t, func() { s.GatherPoints(s.FullOf(torch.Uint8, 0, 4, 6), []int64{0}) })
		assert.Equal(t, torch.Failed, e.Code, "six bytes are no numbers of four")
	})
}

func TestInPlaceOps(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.FromFloats([]float32{-1, 2}, 2)
		y := x.Clone()
		assert.True(t, y.LeakyReLUInPlace(.5).Same(y))
		assert.Equal(t, []float32{-.5, 2}, y.Floats())
		assert.Equal(t, []float32{0, 2}, y.ReLUInPlace().Floats())
		y.AddInPlace(x, 2)
		assert.Equal(t, []float32{-2, 6}, y.Floats())
		y.CopyFrom(x)
		assert.Equal(t, []float32{-1, 2}, y.Floats())
		y.Fill(3)
		assert.Equal(t, []float32{3, 3}, y.Floats())
		assert.Equal(t, []float32{-1, 2}, x.Floats(), "the clone had memory of its own")
		assert.InDelta(t, .76159, s.Ones(1).TanhInPlace().Item(), 1e-5)
	})
}

// Draws have the moments they should have, and the generator's seed decides them.
func TestDraws(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(5)
		for name, c := range map[string]struct {
			x            torch.Tensor
			mean, spread float64
		}{
			"randn": {s.Randn(g, 300, 300), 0, 1}, "rand": {s.Rand(g, 300, 300), .5, 1. / 12},
		} {
			assert.InDelta(t, c.mean, c.x.Mean().Item(), .02, name)
			assert.InDelta(t, c.spread, c.x.Var().Item(), .02, name)
		}
		assert.Equal(t, s.Randn(s.NewGenerator(5), 9).Floats(), s.Randn(s.NewGenerator(5), 9).Floats())
		assert.NotEqual(t, s.Randn(s.NewGenerator(5), 9).Floats(), s.Randn(s.NewGenerator(6), 9).Floats())
	})
}

// bfloat16 is the scope's: products compute in it, parameters stay as they are.
func TestBF16IsTheScopes(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		w := s.FromDoubles(torchtest.Fill(1, 64), 8, 8).To(torch.Float32)
		exact := w.MatMul(w)
		low := s.Child(torch.BF16)
		y := low.Use(w).MatMul(w)
		assert.Equal(t, torch.BFloat16, y.Info().DType)
		assert.Equal(t, torch.Float32, w.Info().DType)
		torchtest.Close(t, exact.Doubles(), y.Doubles(), .02, .05, "bfloat16")
		assert.Equal(t, torch.Float32, w.MatMul(w).Info().DType, "and not the thread's")
	})
}

// As Python's numbers: one without a fraction leaves integers what they are.
func TestIntegersStayIntegers(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, d := range []torch.DType{torch.Int64, torch.Int32} {
			x := s.FromDoubles([]float64{1, -2, 1 << 20}, 3).To(d)
			for i, y := range []torch.Tensor{x.Neg(), x.AddScalar(3), x.MulScalar(2), x.Affine(2, 1)} {
				assert.Equal(t, d, y.Info().DType, i)
				assert.Equal(t, [][]int64{{-1, 2, -1 << 20}, {4, 1, 1<<20 + 3}, {2, -4, 1 << 21}, {3, -3, 1<<21 + 1}}[i], y.Ints())
			}
			half := x.MulScalar(.5)
			assert.Equal(t, torch.Float32, half.Info().DType)
			assert.Equal(t, []float64{.5, -1, 1 << 19}, half.Doubles())
			assert.Equal(t, torch.Float32, x.Affine(2, .5).Info().DType)
		}
	})
}

// A wrong index is told of before the device sees it, where it would end all work.
func TestAnIndexThatIsNotThere(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		store := s.FromBytes(make([]byte, 2*4), torch.Uint8, 2, 1, 1, 4)
		for _, i := range []int64{-1, 2} {
			assert.Contains(t, torchtest.Error(t, func() { s.Gather(store, []int64{0, i}, nil) }).Msg, fmt.Sprintf("index %d of 2 rows", i))
			assert.Contains(t, torchtest.Error(t, func() { s.GatherPoints(store, []int64{i}) }).Msg, fmt.Sprintf("index %d of 2 rows", i))
		}
		assert.Equal(t, []float64{0, 0}, s.GatherPoints(store.Reshape(2, 4), []int64{1, 0}).Doubles())
	})
}
