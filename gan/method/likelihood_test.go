package method

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// levels is golden_likelihoods.py's: 256 levels from -1 to 1, the ends often met.
func levels(s *torch.Scope, stream int, shape ...int) torch.Tensor {
	values := torchtest.Fill(stream, torchtest.Count(shape))
	for i, v := range values {
		values[i] = math.RoundToEven((max(-1, min(1, 1.2*v))+1)*127.5)/127.5 - 1
	}
	return s.FromDoubles(values, shape...).To(s.Zeros().Info().DType)
}

// likelihoods is what scripts/golden_likelihoods.py wrote.
type likelihoods struct {
	Distributions struct {
		Bernoulli distribution
		Logistic  map[string]distribution
	}
	Runs map[string]struct {
		training
		Grads [][]float64
		NLL   [2][]float64
	}
}

type distribution struct {
	Value []float64
	Grads [][]float64
}

// The distributions of pixels and their gradients are PyTorch's, from scales of a hundredth of a level to those of many images.
func TestDistributionsOfPixelsAsPyTorch(t *testing.T) {
	var golden likelihoods
	torchtest.Golden(t, "testdata/likelihoods.json", &golden)
	for d, tolerance := range map[torch.DType]float64{torch.Float64: 1e-9, torch.Float32: 2e-4} {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			x, said := levels(s, 1, 3, 2, 4, 4), fills(2, 1.5, 0)(s, 3, 2, 4, 4).RequireGrad()
			check := func(want distribution, value torch.Tensor, of ...torch.Tensor) {
				torchtest.Close(t, want.Value, value.Doubles(), tolerance, tolerance, "value")
				for i, g := range torch.Grad(value, false, of...) {
					torchtest.Close(t, want.Grads[i], g.Doubles(), 20*tolerance, 20*tolerance, "gradient")
				}
			}
			check(golden.Distributions.Bernoulli, bernoulli(said, signs(x.GeScalar(0), x)), said)
			require.Len(t, golden.Distributions.Logistic, 5)
			for shift, want := range golden.Distributions.Logistic {
				by, err := strconv.ParseFloat(shift, 64)
				require.NoError(t, err)
				scale := fills(3, 1, by)(s, 3, 2, 4, 4).RequireGrad()
				check(want, logistic(said, scale, x), said, scale)
			}
		}, torch.Of(d))
	}
}

// The probabilities of all 256 levels sum to 1, whatever mean and scale.
func TestLevelsSumToOne(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		var values []float64
		for level := range 256 {
			values = append(values, float64(level)/127.5-1)
		}
		x := s.FromDoubles(values, 256, 1, 1, 1)
		for _, mean := range []float64{-3, -1, -.3, .2, .99, 4} {
			for _, scale := range []float64{-9, -6, -3, -1, 0, 2} {
				log := logistic(s.Full(mean, 1, 1, 1, 1), s.Full(scale, 1, 1, 1, 1), x)
				assert.InDelta(t, 1, log.Exp().Sum().Item(), 1e-10, "%v %v", mean, scale)
			}
		}
	}, torch.Of(torch.Float64))
}

// measuring is how the networks of a training measure images.
func measuring(m Method) measured {
	if m, ok := m.(*vae); ok {
		return m.measure
	}
	return m.(*pixelcnn).measure
}

// sources gives a training golden_likelihoods.py's draws.
func sources(m Method) {
	switch m := m.(type) {
	case *vae:
		m.normal, m.uniform = fills(4000, 1.7, 0), fills(5000, .5, .5)
	case *pixelcnn:
		m.uniform = fills(5000, .5, .5)
	}
}

// Ten steps of every VAE and PixelCNN agree with PyTorch's: losses, rates, the first step's gradients, and in the end every tensor.
func TestTenStepsOfEveryLikelihoodAsPyTorchInFloat64(t *testing.T) {
	var golden likelihoods
	torchtest.Golden(t, "testdata/likelihoods.json", &golden)
	for name, want := range golden.Runs {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				o, of := want.options(t), want.shape()
				require.NoError(t, o.Check())
				require.NoError(t, o.CheckShape(of))
				m, nets, first := sown(s, o, of)
				s.Seal()
				for step, line := range want.Log {
					torchtest.Close(t, line, likelyStep(s, m, want.training, step), 1e-9, 1e-9, fmt.Sprint("step ", step))
				}
				for i, g := range want.Grads {
					torchtest.Close(t, g, few(first.grads[i]), 1e-9, 1e-9, fmt.Sprint("gradient ", i))
				}
				seen := 0
				for _, n := range nets {
					for _, e := range nn.Entries(n.Module) {
						key := n.Key + "." + strings.TrimPrefix(e.Name, "main.")
						require.Contains(t, want.State, key)
						torchtest.Close(t, want.State[key], few(e.Tensor.Doubles()), 1e-9, 1e-9, key)
						seen++
					}
				}
				assert.Len(t, want.State, seen)
				c := s.Child(torch.NoGrad, torch.Eval)
				x := levels(c, 9000, runBatch, of.Channels, of.Height, of.Width).ToFormat(s.Format())
				images := Batch{X: o.pixels(of).seen(x, fills(8500, .5, .5)), Labels: want.labels(c, 0)}
				bound, estimate := measuring(m)(images, fills(8000, 1.7, 0), 6)
				torchtest.Close(t, want.NLL[0], bound, 1e-9, 1e-9, "bound")
				torchtest.Close(t, want.NLL[1], estimate, 1e-9, 1e-9, "estimate")
			}, torch.Of(torch.Float64), torch.Layout(torch.ChannelsLast))
		})
	}
}

// sown is a method with the golden weights and draws, and what its first gradients are.
func sown(s *torch.Scope, o Options, of data.Shape) (Method, []Net, *recorded) {
	b := model.NewBuilder(s, 1)
	nets := o.Entry().Nets(b, o, of)
	for i, n := range nets {
		if n.Averages == "" {
			sowWeights(s, n.Module, 1001+1000*i)
		}
	}
	m := o.Entry().New(b, o, nets, runBatch)
	sources(m)
	first := &recorded{Optimizer: m.Parts().Optimizers[0].Optimizer, s: s}
	for _, n := range nets {
		if n.Averages == "" {
			first.params = append(first.params, nn.Parameters(n.Module)...)
		}
	}
	switch m := m.(type) {
	case *vae:
		m.opt.Optimizer = first
	case *pixelcnn:
		m.opt.Optimizer = first
	}
	return m, nets, first
}

// likelyStep is what the meter shows of a step of m, and the rate.
func likelyStep(s *torch.Scope, m Method, of training, step int) []float64 {
	c := s.Child()
	defer c.Close()
	parts, shape := m.Parts(), of.shape()
	parts.Turn(int64(step), runSteps)
	x := levels(c, 3000+step, runBatch, shape.Channels, shape.Height, shape.Width).ToFormat(s.Format())
	m.Step(c, []Batch{{X: x, Labels: of.labels(c, step)}}, 0)
	sums := parts.Meters[0].Sums.Doubles()
	rate := parts.Dials[slices.IndexFunc(parts.Dials, func(d *Dial) bool { return d.rate })]
	parts.Meters[0].Sums.Fill(0)
	return append(sums[:len(sums)-2], rate.Value.Item())
}
