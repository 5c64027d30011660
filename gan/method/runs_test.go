package method

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A training as scripts/golden_gans.py has it: its networks, batch and length.
var (
	runModel = model.Options{Name: "dcgan", Latent: 5, GenWidth: 4, DiscWidth: 4}
	runShape = data.Shape{Height: 16, Width: 16, Channels: 3}
)

const runBatch, runSteps = 8, 20

// trainings are golden_gans.py's RUNS.
var trainings = map[string]func(o *Options){
	"lsgan":    func(o *Options) { o.Loss, o.LabelSmoothing = "lsgan", .1 },
	"smoothed": func(o *Options) { o.LabelSmoothing, o.InstanceNoise, o.Pack = .2, .3, 2 },
	"wgan": func(o *Options) {
		o.Loss, o.Penalties, o.DiscSteps, o.Optim, o.LR = "wasserstein", []string{"clip"}, 3, "rmsprop", 5e-5
	},
	"wgan-gp": func(o *Options) {
		o.Loss, o.Penalties, o.DiscSteps, o.LR, o.Beta1, o.Beta2 = "wasserstein", []string{"gp"}, 2, 1e-4, 0, .9
	},
	"sngan": func(o *Options) { o.Loss, o.SpectralNorm, o.DiscSteps, o.Beta1, o.Beta2 = "hinge", true, 2, 0, .9 },
	"r3gan": func(o *Options) {
		o.Loss, o.Penalties, o.Beta1, o.Beta2 = "relativistic", []string{"r1=2:.2", "r2=2:.2"}, 0, .9
		o.Schedule, o.LREnd, o.Warmup = "cosine", .25, 3
	},
	"lazy":   func(o *Options) { o.Penalties, o.PenaltyEvery, o.Pack = []string{"r1=3"}, 4, 2 },
	"dragan": func(o *Options) { o.Penalties = []string{"dragan"} },
	"sgd": func(o *Options) {
		o.Loss, o.Optim, o.LR, o.Momentum, o.MomentumEnd, o.Schedule, o.LREnd = "minimax", "sgd", .1, .5, .7, "exponential", .1
	},
}

// ran is what golden_gans.py tells of a training.
type ran struct {
	Log   [][]float64 // loss_d, d_real, d_fake, penalty, summed over the updates; loss_g, lr
	State map[string][]float64
}

// build makes the training of a GAN in s, and seals it.
func build(t testing.TB, s *torch.Scope, m model.Options, of data.Shape, batch int, change func(*Options)) *gan {
	t.Helper()
	var o Options
	o.Settings().Reset()
	o.Model = m
	change(&o)
	require.NoError(t, o.Settings().Check())
	require.NoError(t, o.Check())
	b := model.NewBuilder(s, 1)
	g, ok := newGAN(b, o, ganNets(b, o, of), batch).(*gan)
	require.True(t, ok)
	s.Seal()
	return g
}

func tinyGAN(t testing.TB, s *torch.Scope, change func(*Options)) *gan {
	return build(t, s, tiny, tinyOf, 8, change)
}

// setVectors is what golden_gans.py makes of a spectral norm's.
func setVectors(s *torch.Scope, m nn.Module) {
	stream := 7000
	for _, e := range nn.Entries(m) {
		if !strings.HasSuffix(e.Name, "._u") && !strings.HasSuffix(e.Name, "._v") {
			continue
		}
		c := s.Child()
		x := fills(stream, 1, 0)(c, e.Tensor.Shape()...)
		e.Tensor.CopyFrom(x.Div(x.Mul(x).Sum().Sqrt()))
		c.Close()
		stream++
	}
}

// rerun takes steps of a training on golden_gans.py's weights, data and draws.
func rerun(t *testing.T, s *torch.Scope, change func(*Options), steps int, after func(step int, line []float64)) *gan {
	g := build(t, s, runModel, runShape, runBatch, change)
	setWeights(s.Child(), g.gen, 1001)
	setWeights(s.Child(), g.disc, 2002)
	setVectors(s, g.disc)
	latents, reals := fills(4000, 1.7, 0), fills(3000, 1, 0)
	g.draw = func(s *torch.Scope, n int) torch.Tensor { return latents(s, n, 5, 1, 1) }
	g.noise, g.held.uniform = fills(6000, 1.7, 0), fills(5000, .5, .5)
	for step := range int64(steps) {
		c := s.Child()
		g.parts.Turn(step, runSteps)
		var batches []Batch
		for range g.Batches() {
			batches = append(batches, Batch{X: reals(c, runBatch, 3, 16, 16).ToFormat(s.Format())})
		}
		g.Step(c, batches, g.Variant(step))
		d := g.sumsD.Doubles()
		line := append(d[:len(d)-2:len(d)-2], make([]float64, 4-(len(d)-2))...)
		after(int(step), append(line, g.sumsG.Doubles()[0], g.parts.Dials[0].Value.Item()))
		g.sumsD.Fill(0)
		g.sumsG.Fill(0)
		c.Close()
	}
	return g
}

// Ten steps of every way to train agree with PyTorch's: losses, scores, penalties, rates, and in the end every tensor.
func TestTenStepsOfEveryTrainingAsPyTorchInFloat64(t *testing.T) {
	var golden struct{ Runs map[string]ran }
	torchtest.Golden(t, "testdata/gans.json", &golden)
	require.Len(t, trainings, len(golden.Runs))
	for name, want := range golden.Runs {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				g := rerun(t, s, trainings[name], len(want.Log), func(step int, line []float64) {
					torchtest.Close(t, want.Log[step], line, 1e-9, 1e-9, fmt.Sprint("step ", step))
				})
				seen := 0
				for prefix, m := range map[string]nn.Module{"gen.": g.gen, "disc.": g.disc} {
					for _, e := range nn.Entries(m) {
						require.Contains(t, want.State, prefix+e.Name)
						torchtest.Close(t, want.State[prefix+e.Name], sampled(e.Tensor.Doubles()), 1e-9, 1e-9, prefix+e.Name)
						seen++
					}
				}
				assert.Len(t, want.State, seen)
			}, torch.Of(torch.Float64))
		})
	}
}

// In float32, by our own kernels wherever they can be, two steps agree with PyTorch here and now.
func TestTwoStepsOfEveryTrainingAsPyTorchInFloat32(t *testing.T) {
	python := torchtest.Python(t)
	script := filepath.Join(torchtest.Root(t), "scripts", "golden_gans.py")
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		var golden map[string]ran
		torchtest.JSON(t, &golden, python, script, "steps", "2", "float32", strings.TrimSuffix(s.Device().String(), ":0"))
		for _, name := range slices.Sorted(maps.Keys(trainings)) {
			rerun(t, s.Child(), trainings[name], 2, func(step int, line []float64) {
				torchtest.Close(t, golden[name].Log[step], line, 1e-4, 1e-4, fmt.Sprint(name, ": step ", step))
			})
		}
	}, torch.Layout(torch.ChannelsLast), torch.Convolutions(torch.BestConv(), true), torch.Threads(1))
}

// recorded keeps the gradients that an update is about to use.
type recorded struct {
	optim.Optimizer
	s      *torch.Scope
	params []torch.Tensor
	grads  [][]float64
}

func (r *recorded) Step() {
	c := r.s.Child()
	for _, p := range r.params {
		r.grads = append(r.grads, c.Gradient(p).Doubles())
	}
	c.Close()
	r.Optimizer.Step()
}
