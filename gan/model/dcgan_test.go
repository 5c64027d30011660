package model

import (
	"fmt"
	"slices"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func build(t testing.TB, s *torch.Scope, o Options, of data.Shape) (gen, disc nn.Module) {
	t.Helper()
	b, e := NewBuilder(s, 1), Table["dcgan"]
	return e.Generator(b, o, of), e.Discriminator(b, o, of)
}

func square(side, channels int) data.Shape {
	return data.Shape{Height: side, Width: side, Channels: channels}
}

func shapes(m nn.Module) (keys []string, count int) {
	for _, e := range nn.Entries(m) {
		shape := e.Tensor.Shape()
		keys = append(keys, fmt.Sprint(e.Name, shape))
		if !e.Buffer {
			count += torchtest.Count(shape)
		}
	}
	return keys, count
}

// At 64 the networks are the official example's to the key.
func TestDCGANIsTheOfficialOneAt64(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		gen, disc := build(t, s, Options{Latent: 100, GenWidth: 64, DiscWidth: 64}, square(64, 3))
		keys, count := shapes(gen)
		assert.Equal(t, 3576704, count)
		assert.Len(t, keys, 25)
		for _, key := range []string{
			"main.0.weight[100 512 4 4]", "main.3.weight[512 256 4 4]", "main.6.weight[256 128 4 4]",
			"main.9.weight[128 64 4 4]", "main.12.weight[64 3 4 4]", "main.10.running_var[64]",
			"main.1.num_batches_tracked[]",
		} {
			assert.Contains(t, keys, key)
		}
		keys, count = shapes(disc)
		assert.Equal(t, 2765568, count)
		assert.Len(t, keys, 20)
		for _, key := range []string{
			"main.0.weight[64 3 4 4]", "main.2.weight[128 64 4 4]", "main.3.bias[128]", "main.5.weight[256 128 4 4]",
			"main.8.weight[512 256 4 4]", "main.9.running_mean[512]", "main.11.weight[1 512 4 4]",
		} {
			assert.Contains(t, keys, key)
		}
	})
}

func TestDCGANAtEverySize(t *testing.T) {
	first := map[int][2]string{ // G's first and D's last convolution at widths 2 and 3
		16:  {"main.0.weight[5 4 4 4]", "main.5.weight[1 6 4 4]"},
		32:  {"main.0.weight[5 8 4 4]", "main.8.weight[1 12 4 4]"},
		64:  {"main.0.weight[5 16 4 4]", "main.11.weight[1 24 4 4]"},
		128: {"main.0.weight[5 32 4 4]", "main.14.weight[1 48 4 4]"},
		256: {"main.0.weight[5 32 4 4]", "main.17.weight[1 48 4 4]"},
		512: {"main.0.weight[5 32 4 4]", "main.20.weight[1 48 4 4]"},

		1024: {"main.0.weight[5 32 4 4]", "main.23.weight[1 48 4 4]"},
	}
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, size := range Table["dcgan"].Sizes {
			for _, channels := range []int{1, 3} {
				gen, disc := build(t, s, Options{Latent: 5, GenWidth: 2, DiscWidth: 3}, square(size, channels))
				keys, _ := shapes(gen)
				assert.Contains(t, keys, first[size][0], size)
				keys, _ = shapes(disc)
				assert.Contains(t, keys, first[size][1], size)
				fake := gen.Forward(s.Randn(s.NewGenerator(1), 2, 5, 1, 1))
				assert.Equal(t, []int{2, channels, size, size}, fake.Shape())
				values := fake.Floats()
				require.LessOrEqual(t, slices.Max(values), float32(1))
				require.GreaterOrEqual(t, slices.Min(values), float32(-1))
				assert.Equal(t, []int{2}, disc.Forward(fake).Shape())
			}
		}
	})
}

// Images that are no squares begin with a picture of their proportions, and end in one.
func TestModelsOfOblongImages(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, name := range []string{"dcgan", "resnet", "r3gan", "mlp"} {
			for _, of := range []data.Shape{{Height: 64, Width: 32, Channels: 3}, {Height: 32, Width: 40, Channels: 1}} {
				o := Options{Name: name, Latent: 5, GenWidth: 8, DiscWidth: 8}
				require.NoError(t, o.CheckShape(of))
				b := NewBuilder(s, 1)
				gen, disc := Table[name].Generator(b, o, of), Table[name].Discriminator(b, o, of)
				fake := gen.Forward(s.Randn(s.NewGenerator(1), 2, 5, 1, 1))
				assert.Equal(t, []int{2, of.Channels, of.Height, of.Width}, fake.Shape(), name)
				assert.Equal(t, []int{2}, disc.Forward(fake).Shape(), name)
			}
		}
		gen, disc := build(t, s, Options{Latent: 5, GenWidth: 2, DiscWidth: 3}, data.Shape{Height: 128, Width: 64, Channels: 3})
		keys, _ := shapes(gen)
		assert.Contains(t, keys, "main.0.weight[5 16 8 4]")
		keys, _ = shapes(disc)
		assert.Contains(t, keys, "main.11.weight[1 24 8 4]")
	})
}

func TestASizeThatCannotBeMadeIsRefused(t *testing.T) {
	o := Options{Name: "dcgan"}
	for _, size := range []vision.Size{{}, vision.Square(16), {Height: 128, Width: 64}, {Height: 16, Width: 20}, {Height: 96, Width: 64}} {
		assert.NoError(t, o.CheckSize(size))
	}
	const sides = "16, 32, 64, 128, 256, 512 or 1024"
	assert.EqualError(t, o.CheckSize(vision.Square(63)), "--size 63: dcgan cannot make it: use "+sides)
	assert.EqualError(t, o.CheckSize(vision.Square(3)), "--size 3: dcgan cannot make it: use "+sides)
	assert.EqualError(t, o.CheckSize(vision.Size{Height: 100, Width: 64}), "--size 100x64: dcgan cannot make it: use a longer side that 16 divides")
	assert.EqualError(t, o.CheckSize(vision.Size{Height: 50, Width: 70}), "--size 50x70: dcgan cannot make it: use a shorter side of "+sides)
}

// The official initialisation: convolutions N(0, .02^2), BatchNorm weight N(1, .02^2), bias 0; over all draws of the
// full-size networks.
func TestDCGANInitialisation(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		gen, disc := build(t, s, Options{Latent: 100, GenWidth: 64, DiscWidth: 64}, square(64, 3))
		for _, m := range []nn.Module{gen, disc} {
			var norm []torch.Tensor
			for _, e := range nn.Entries(m) {
				x := s.Child(torch.NoGrad).Use(e.Tensor)
				switch n := len(e.Tensor.Shape()); {
				case e.Buffer:
				case n == 4:
					assert.InDelta(t, 0, x.Mean().Item(), 1e-3, e.Name)
					assert.InDelta(t, .0004, x.Var().Item(), 2e-5, e.Name)
				case isWeight(e.Name):
					norm = append(norm, e.Tensor)
				default:
					assert.Zero(t, x.Abs().Sum().Item(), e.Name)
				}
			}
			all := torch.Cat(0, norm...).Detach()
			assert.InDelta(t, 1, all.Mean().Item(), 4e-3)
			assert.InDelta(t, .0004, all.Var().Item(), 8e-5)
		}
	})
}
