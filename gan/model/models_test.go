package model

import (
	"math"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goldenOptions are those of scripts/golden_models.py.
type goldenOptions struct {
	Model                                            string
	Latent, Gen, Disc, Points, Channels, Side, Depth int
}

// goldenNet is a network's run there, of many numbers a few.
type goldenNet struct {
	Keys  []string
	Shape []int
	Out   []float64
	Grads [][]float64
}

type goldenModel struct {
	Options                  goldenOptions
	Generator, Discriminator goldenNet
}

func (o goldenOptions) build(b *Builder) (gen, disc nn.Module, of data.Shape) {
	n := Options{Name: o.Model, Latent: o.Latent, GenWidth: o.Gen, DiscWidth: o.Disc, Depth: o.Depth}
	of = data.Shape{Height: o.Side, Width: o.Side, Channels: o.Channels, Points: o.Points}
	return Table[o.Model].Generator(b, n, of), Table[o.Model].Discriminator(b, n, of), of
}

// some is at most n of a tensor's numbers, as some of the script.
func some(x torch.Tensor) []float64 {
	var few []float64
	all := x.Doubles()
	for i := 0; i < len(all) && len(few) < 40; i += max(1, len(all)/40) {
		few = append(few, all[i])
	}
	return few
}

// check compares a run of a network in s with the one in PyTorch.
func (want goldenNet) check(t *testing.T, s *torch.Scope, net nn.Module, stream int, tol float64, shape ...int) {
	t.Helper()
	fill := func(stream int, shape ...int) torch.Tensor {
		return s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...)
	}
	of := s.Ones(1).Info().DType
	var keys []string
	for _, e := range nn.Entries(net) {
		keys = append(keys, e.Name)
	}
	require.Equal(t, want.Keys, keys)
	params := nn.Parameters(net)
	for i, p := range params {
		p.CopyFrom(weights(fill(stream+i, p.Shape()...)))
	}
	x := fill(stream-1, shape...).To(of).RequireGrad()
	child := s.Child()
	before := child.Live()
	out := net.Forward(child.Use(x))
	assert.Equal(t, before+2, child.Live(), "x and the output alone are left")
	if out.Info().Shape[0] == want.Shape[0] && len(want.Shape) == 2 && want.Shape[1] == 1 && len(out.Shape()) == 1 {
		want.Shape = want.Shape[:1] // scores are [N] here
	}
	require.Equal(t, want.Shape, out.Shape())
	torchtest.Close(t, want.Out, some(out.ToFormat(torch.Contiguous)), tol, tol, "out")
	grads := torch.Grad(out.Mul(fill(99, out.Shape()...).To(of)).Sum(), false, append([]torch.Tensor{x}, params...)...)
	for i, g := range grads {
		worst := 0.0
		for _, v := range want.Grads[i] {
			worst = max(worst, v, -v)
		}
		torchtest.Close(t, want.Grads[i], some(g.ToFormat(torch.Contiguous)), tol, tol*max(1, worst), "gradient")
	}
}

// weights are those of set_weights in the script.
func weights(values torch.Tensor) torch.Tensor {
	shape, fan, shift := values.Shape(), 16, .1
	if len(shape) > 1 {
		fan, shift = torchtest.Count(shape[1:]), 0
	}
	return values.MulScalar(1.5 / math.Sqrt(float64(fan))).AddScalar(shift)
}

// Every model is what it is in PyTorch: keys, outputs, gradients of all weights and of the input.
func TestModelsAsPyTorch(t *testing.T) {
	var golden struct{ Cases map[string]goldenModel }
	torchtest.Golden(t, "testdata/models.json", &golden)
	have := map[string]bool{"dcgan": true, "masked": true} // which have goldens of their own
	for _, c := range golden.Cases {
		have[c.Options.Model] = true
		for _, how := range []struct {
			d   torch.DType
			f   torch.Format
			tol float64
		}{{torch.Float64, torch.Contiguous, 1e-9}, {torch.Float32, torch.ChannelsLast, 2e-4}} {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				gen, disc, of := c.Options.build(NewBuilder(s, 1).Blank())
				shape := []int{2, of.Channels, of.Height, of.Width}
				if of.IsPoints() {
					shape = []int{2, of.Points}
				}
				if c.Options.Model == "mlp" { // which drops in training, and normalises nothing
					s = s.Child(torch.Eval)
				}
				c.Generator.check(t, s, gen, 1001, how.tol, 2, c.Options.Latent, 1, 1)
				c.Discriminator.check(t, s, disc, 2001, how.tol, shape...)
			}, torch.Of(how.d), torch.Layout(how.f))
		}
	}
	for name := range Table {
		assert.Contains(t, have, name, "it needs a golden")
	}
}

// What the discriminator of 2014 drops is drawn from a stream of its own, in training alone.
func TestDropoutOfTheMaxoutDiscriminator(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		b := NewBuilder(s, 1)
		disc := Table["mlp"].Discriminator(b, Options{Name: "mlp", DiscWidth: 20}, square(6, 1))
		x := s.Randn(b.Stream("noise"), 4, 1, 6, 6)
		noise, dropout := b.Stream("noise").State(), b.Stream("dropout").State()
		run := func(o torch.Option) []float32 { return disc.Forward(s.Child(o).Use(x)).Floats() }
		seen := run(torch.Eval)
		assert.Equal(t, seen, run(torch.Eval))
		assert.Equal(t, dropout, b.Stream("dropout").State())
		once := run(torch.Train)
		assert.NotEqual(t, seen, once)
		assert.NotEqual(t, once, run(torch.Train))
		b.Stream("dropout").SetState(dropout)
		assert.Equal(t, once, run(torch.Train))
		assert.Equal(t, noise, b.Stream("noise").State())
		var shares []float64
		for _, m := range disc.(nn.Sequential) {
			if d, ok := m.(*nn.Dropout); ok {
				shares = append(shares, d.P)
			}
		}
		assert.Equal(t, []float64{.2, .5, .5}, shares, "kept: .8 and .5")
	})
}

// deviation is the standard deviation of a parameter, and its largest absolute value.
func deviation(s *torch.Scope, m nn.Module, key string) (sd, most float64) {
	for _, e := range nn.Entries(m) {
		if e.Name == key {
			x := s.Child(torch.NoGrad).Use(e.Tensor)
			return math.Sqrt(x.Pow(2).Mean().Item()), x.Abs().Amax(torch.Reduction{}).Item()
		}
	}
	return math.NaN(), math.NaN()
}

// The initialisations are those of the papers: R3GAN's gains, Glorot's bounds, the uniform ones of 2014.
func TestInitialisations(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		o := Options{Latent: 64, GenWidth: 64, DiscWidth: 64}
		gain := math.Sqrt(2/1.04) * math.Pow(8, -.25) // four sides of two blocks
		r3gen, r3disc := Table["r3gan"].Generator(NewBuilder(s, 1), o, square(32, 3)), Table["r3gan"].Discriminator(NewBuilder(s, 2), o, square(32, 3))
		for key, want := range map[string]float64{"1.weight": 1. / 8, "3.weight": 1, "4.body.0.weight": gain / 8, "4.body.2.weight": gain / 12, "4.body.4.weight": 0, "4.body.0.bias": 0} {
			sd, _ := deviation(s, r3gen, key)
			assert.InDelta(t, want, sd, .1*want, "r3gan generator %s", key)
		}
		for key, want := range map[string]float64{"0.weight": 1 / math.Sqrt(3), "1.body.0.weight": gain / 8, "2.body.4.weight": 0, "14.weight": 1. / 8} {
			sd, _ := deviation(s, r3disc, key)
			assert.InDelta(t, want, sd, .3*want, "r3gan discriminator %s", key)
		}
		sn := Table["resnet"].Generator(NewBuilder(s, 3), o, square(32, 3))
		for key, want := range map[string]float64{
			"1.weight": math.Sqrt(6. / (64 + 1024)), "3.body.3.weight": math.Sqrt(2 * 6. / (9 * 128)), "3.skip.0.weight": math.Sqrt(6. / 128), "3.body.3.bias": 0,
		} {
			_, most := deviation(s, sn, key)
			assert.InDelta(t, want, most, .01*want, "resnet generator %s", key)
			assert.LessOrEqual(t, most, want*(1+1e-6))
		}
		first := map[string]float64{"1.weight": .05, "3.weight": .05, "5.weight": .05, "1.bias": 0, "5.bias": 0}
		for key, want := range first {
			_, most := deviation(s, Table["mlp"].Generator(NewBuilder(s, 4), o, square(28, 1)), key)
			assert.InDelta(t, want, most, .01*want, "mlp generator %s", key)
		}
		for key, want := range map[string]float64{"3.weight": .005, "8.weight": .005, "13.weight": .005, "3.bias": 0} {
			_, most := deviation(s, Table["mlp"].Discriminator(NewBuilder(s, 5), o, square(28, 1)), key)
			assert.InDelta(t, want, most, .05*want, "mlp discriminator %s", key)
		}
	})
}

func TestWhichSizesAndDepths(t *testing.T) {
	for _, side := range []int{0, 7, 28, 64} {
		assert.NoError(t, Options{Name: "mlp"}.CheckSize(vision.Square(side)))
	}
	assert.EqualError(t, Options{Name: "resnet"}.CheckSize(vision.Square(28)), "--size 28: resnet cannot make it: use 32 or 64")
	assert.NoError(t, Options{Name: "mlp"}.CheckSize(vision.Size{Height: 7, Width: 30}))
	assert.NoError(t, Options{Name: "toy", Depth: 7}.Check())
	assert.EqualError(t, Options{Name: "dcgan", Depth: 7}.Check(), "--depth 7: dcgan is no dense network: leave it out")
	assert.NoError(t, Options{Name: "mlp"}.CheckShape(square(9, 3)))
	assert.ErrorContains(t, Options{Name: "mlp"}.CheckShape(data.Shape{Points: 2}), "it makes images")
	assert.ErrorContains(t, Options{Name: "toy"}.CheckShape(square(9, 3)), "it makes points")
}

// Which discriminators have a weight that begins at 0, as spectral normalisation must know.
func TestWeightsThatBeginAtZero(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, e := range Table {
			if e.Discriminator == nil {
				continue
			}
			side := max(e.Size, 16)
			of := data.Shape{Height: side, Width: side, Channels: 3}
			if e.Points {
				of = data.Shape{Points: 2}
			}
			c := s.Child(torch.NoGrad)
			net := e.Discriminator(NewBuilder(c, 1), Options{Name: name, Latent: 4, GenWidth: 4, DiscWidth: 4}, of)
			zeros := false
			for _, p := range nn.Parameters(net) {
				zeros = zeros || len(p.Shape()) > 1 && c.Use(p).Abs().Amax(torch.Reduction{}).Item() == 0
			}
			c.Close()
			assert.Equal(t, e.Zeros, zeros, name)
		}
	})
}
