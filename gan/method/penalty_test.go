package method

import (
	"fmt"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fills is a source whose n-th draw is the n-th stream from first on, as golden_gans.py's Draws has it.
func fills(first int, scale, shift float64) source {
	next := first
	return func(s *torch.Scope, shape ...int) torch.Tensor {
		x := s.FromDoubles(torchtest.Fill(next, torchtest.Count(shape)), shape...).Affine(scale, shift)
		next++
		return x.To(s.Zeros().Info().DType)
	}
}

// Each penalty of gradients has the value, and second order included the gradients, of plain PyTorch: in float64 by libtorch's
// own kernels, in float32 by these and by ours for convolutions and the fused normalisation. Only gp and dragan are passes of
// their own, which move the running statistics on.
func TestPenaltiesAsPyTorch(t *testing.T) {
	var golden struct {
		Penalties map[string]struct {
			Value   float64
			Grads   [][]float64
			Buffers [][]float64
		}
	}
	torchtest.Golden(t, "testdata/gans.json", &golden)
	require.Len(t, golden.Penalties, len(penalties)-1, "all but clip")
	for name, c := range map[string]struct {
		tolerance float64
		options   []torch.Option
	}{
		"float64": {1e-10, []torch.Option{torch.Of(torch.Float64)}},
		"stock":   {1e-4, []torch.Option{torch.Layout(torch.ChannelsLast), torch.Convolutions(torch.ConvStock, false)}},
		"fast":    {1e-4, []torch.Option{torch.Layout(torch.ChannelsLast), torch.Convolutions(torch.BestConv(), true)}},
	} {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				for word, want := range golden.Penalties {
					p := penalties[word]
					disc := model.Table["dcgan"].Discriminator(model.NewBuilder(s, 1), model.Options{DiscWidth: 4}, data.Shape{Height: 16, Width: 16, Channels: 3})
					setWeights(s.Child(), disc, 2002)
					for _, w := range nn.Parameters(disc) {
						w.CopyFrom(s.Child(torch.NoGrad).Use(w).MulScalar(5))
					}
					image := func(stream int) torch.Tensor {
						return fills(stream, 1, 0)(s, 4, 3, 16, 16).ToFormat(s.Format())
					}
					g := &gan{view: view{disc: disc, pack: 1}}
					g.held.uniform = fills(5000, .5, .5)
					x := map[place]torch.Tensor{atReal: image(11), atFake: image(12)}
					if p.At != nil {
						x[elsewhere] = p.At(g.held.uniform, x[atReal], x[atFake])
					}
					value := g.judgeFor(x[p.On], torch.Tensor{}, []term{{p, s.FullOf(torch.Float64, 1)}}).penalty
					torchtest.Close(t, []float64{want.Value}, value.Doubles(), c.tolerance, 0, word)
					for i, grad := range torch.Grad(value, false, nn.Parameters(disc)...) {
						if len(want.Grads[i]) > 0 {
							torchtest.Close(t, want.Grads[i], grad.Doubles(), c.tolerance, c.tolerance*largest(want.Grads[i]), word)
						}
					}
					var buffers [][]float64
					for _, e := range nn.Entries(disc) {
						if e.Buffer {
							buffers = append(buffers, e.Tensor.Doubles())
						}
					}
					for i, b := range buffers {
						torchtest.Close(t, want.Buffers[i], b, c.tolerance, c.tolerance, word)
					}
				}
			}, c.options...)
		})
	}
}

func largest(of []float64) float64 {
	most := 0.0
	for _, v := range of {
		most = max(most, v, -v)
	}
	return most
}

func TestPenaltiesAreRead(t *testing.T) {
	for text, want := range map[string][2]float64{
		"gp": {10, 10}, "gp=.1": {.1, .1}, "r1=2:.2": {2, .2}, "r2=0:1": {0, 1}, "clip": {.01, .01}, "clip=1": {1, 1}, "dragan=1e-3": {1e-3, 1e-3},
	} {
		a, err := parsePenalty(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, [2]float64{a.from, a.to}, text)
	}
	a, err := parsePenalty("r1=auto")
	require.NoError(t, err)
	assert.True(t, a.auto)
	for text, want := range map[string]string{
		"r3":        `--penalty "r3": unknown: have none, clip, dragan, gp, r1, r2`,
		"gp=":       "--penalty gp=: no weight: write gp=10 or gp=2:.2 (from start to end of the run)",
		"gp=0":      "--penalty gp=0: no weight: write gp=10 or gp=2:.2 (from start to end of the run)",
		"gp=-1":     "--penalty gp=-1: no weight: write gp=10 or gp=2:.2 (from start to end of the run)",
		"gp=auto":   "--penalty gp=auto: no weight: write gp=10 or gp=2:.2 (from start to end of the run)",
		"r1=NaN":    "--penalty r1=NaN: no weight: write r1=10, r1=2:.2 (from start to end of the run) or r1=auto",
		"clip=1:.1": "--penalty clip=1:.1: no weight: write clip=0.01",
	} {
		_, err := parsePenalty(text)
		assert.EqualError(t, err, want)
	}
	_, err = parsePenalties([]string{"r1", "r1=2"})
	assert.EqualError(t, err, "--penalty r1: it is there twice: give one weight")
	_, err = parsePenalties([]string{"r1", "none"})
	assert.EqualError(t, err, "--penalty none beside another: leave one of them away")
	all, err := parsePenalties([]string{"none"})
	assert.NoError(t, err)
	assert.Empty(t, all)
}

// What a pass of the loss shares with r1 and r2 is one pass forward less, and the same gradients.
func TestSharedPassesAreTheSame(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		grads := func(shared bool) (all [][]float64) {
			s := s.Child()
			g := tinyGAN(t, s, func(o *Options) { o.Penalties = []string{"r1=3"} })
			if !shared {
				apart(g)
			}
			seen := &counted{Module: g.disc}
			g.disc = seen
			w := &recorded{Optimizer: g.optD.Optimizer, s: s, params: nn.Parameters(g.disc)}
			g.optD.Optimizer = w
			c := s.Child()
			defer c.Close()
			g.Step(c, []Batch{{X: fills(1, 1, 0)(c, 4, 1, 16, 16)}}, penalised)
			want := 3
			if !shared {
				want++
			}
			assert.Equal(t, want, seen.passes)
			return w.grads
		}
		once, twice := grads(true), grads(false)
		for i := range once {
			torchtest.Close(t, twice[i], once[i], 1e-9, 1e-12, fmt.Sprint("parameter ", i))
		}
	}, torch.Of(torch.Float64))
}

// apart has r1 take a pass of its own.
func apart(g *gan) {
	g.held.terms[0].On = elsewhere
	g.held.terms[0].At = func(_ source, real, _ torch.Tensor) torch.Tensor { return real }
}

// What sharing the pass saves of an update of the discriminator with r1.
func BenchmarkR1(b *testing.B) {
	for name, change := range map[string]func(*gan){"shared": func(*gan) {}, "apart": apart} {
		b.Run(name, func(b *testing.B) {
			s, err := torch.NewScope(torch.Layout(torch.ChannelsLast))
			require.NoError(b, err)
			defer s.Close()
			var o Options
			o.Settings().Reset()
			o.Model.GenWidth, o.Model.DiscWidth, o.Penalties = 32, 32, []string{"r1"}
			g := build(b, s, o, data.Shape{Height: 64, Width: 64, Channels: 3}, 32)
			change(g)
			c := s.Child()
			x := c.Rand(c.NewGenerator(1), 32, 3, 64, 64).ToFormat(torch.ChannelsLast)
			for b.Loop() {
				step := c.Child()
				g.trainDisc(step, Batch{X: x}, x, penalised)
				step.Close()
			}
		})
	}
}

// counted counts the passes forward.
type counted struct {
	nn.Module
	passes int
}

func (c *counted) Forward(x torch.Tensor) torch.Tensor {
	c.passes++
	return c.Module.Forward(x)
}
