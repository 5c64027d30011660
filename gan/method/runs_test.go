package method

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
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

// training is one of golden_gans.py's RUNS: what it is of, and what became of it.
type training struct {
	Settings []string // NAME=VALUE
	Sizes    struct{ Latent, Gen, Disc, Points, Channels, Side, Depth int }
	Classes  int
	Log      [][]float64 // loss_d, d_real, d_fake, penalty, summed over the updates; loss_g, lr
	State    map[string][]float64
}

const runBatch, runSteps = 4, 20

// options are the training's, by the settings' own names.
func (r training) options(t testing.TB) (o Options) {
	t.Helper()
	o = r.optionsOf(t)
	o.Model.Latent, o.Model.GenWidth, o.Model.DiscWidth, o.Model.Depth = r.Sizes.Latent, r.Sizes.Gen, r.Sizes.Disc, r.Sizes.Depth
	return o
}

// optionsOf are the options that the settings say.
func (r training) optionsOf(t testing.TB) (o Options) {
	t.Helper()
	all := o.Settings()
	all.Reset()
	values := map[string][]string{}
	for _, text := range r.Settings {
		name, value, _ := strings.Cut(text, "=")
		values[name] = append(values[name], value)
	}
	for name, of := range values {
		row, ok := all.Find(name)
		require.True(t, ok, name)
		require.NoError(t, row.Parse(of...))
	}
	return o
}

func (r training) shape() data.Shape {
	return data.Shape{Height: r.Sizes.Side, Width: r.Sizes.Side, Channels: r.Sizes.Channels, Points: r.Sizes.Points, Classes: r.Classes}
}

// labels are those of the batch of a number; the zero Tensor where none are learnt.
func (r training) labels(s *torch.Scope, batch int) (x torch.Tensor) {
	if r.Classes == 0 {
		return x
	}
	labels := make([]int32, runBatch)
	for i := range labels {
		labels[i] = int32((batch + i*i) % r.Classes)
	}
	return Labels(s, labels)
}

// build makes the training of a GAN in s, and seals it.
func build(t testing.TB, s *torch.Scope, o Options, of data.Shape, batch int) *gan {
	t.Helper()
	require.NoError(t, o.Settings().Check())
	require.NoError(t, o.Check())
	b := model.NewBuilder(s, 1)
	g, ok := newGAN(b, o, ganNets(b, o, of), batch).(*gan)
	require.True(t, ok)
	s.Seal()
	return g
}

// tinyGAN is the training of a tiny DCGAN.
func tinyGAN(t testing.TB, s *torch.Scope, change func(*Options)) *gan {
	t.Helper()
	var o Options
	o.Settings().Reset()
	o.Model = tiny
	change(&o)
	return build(t, s, o, tinyOf, parityBatch)
}

// sowWeights is golden_models.py's set_weights, and for vectors of a spectral norm what golden_gans.py makes of them.
func sowWeights(s *torch.Scope, m nn.Module, stream int) {
	vectors := 7000
	for _, e := range nn.Entries(m) {
		c, shape := s.Child(), e.Tensor.Shape()
		switch {
		case strings.HasSuffix(e.Name, "._u") || strings.HasSuffix(e.Name, "._v"):
			x := fills(vectors, 1, 0)(c, shape...)
			e.Tensor.CopyFrom(x.Div(x.Norm(2, torch.Reduction{})))
			vectors++
		case e.Buffer:
		case len(shape) == 1:
			e.Tensor.CopyFrom(fills(stream, 1.5/4, .1)(c, shape...))
			stream++
		default:
			e.Tensor.CopyFrom(fills(stream, 1.5/math.Sqrt(float64(torchtest.Count(shape[1:]))), 0)(c, shape...))
			stream++
		}
		c.Close()
	}
}

// dropNothing lets all through: what PyTorch drops comes from another stream.
func dropNothing(m nn.Module) {
	if d, ok := m.(*nn.Dropout); ok {
		d.P = 0
	}
	if p, ok := m.(nn.Parent); ok {
		for _, child := range p.Children() {
			dropNothing(child)
		}
	}
}

// rerun takes steps of a training on golden_gans.py's weights, data and draws.
func rerun(t *testing.T, s *torch.Scope, r training, steps int, after func(step int, line []float64)) *gan {
	g := build(t, s, r.options(t), r.shape(), runBatch)
	for i, m := range []nn.Module{g.gen, g.disc} {
		sowWeights(s, m, 1001+1000*i)
		dropNothing(m)
	}
	if g.average != nil {
		g.average.start(s)
	}
	latents, reals := fills(4000, 1.7, 0), fills(3000, 1, 0)
	g.draw = func(s *torch.Scope, n int) torch.Tensor { return latents(s, n, r.Sizes.Latent, 1, 1) }
	g.noise, g.held.uniform = fills(6000, 1.7, 0), fills(5000, .5, .5)
	if g.bends != nil {
		g.bends.uniform = fills(8000, .5, .5)
	}
	drawn := 0
	for step := range int64(steps) {
		c := s.Child()
		g.parts.Turn(step, runSteps)
		var batches []Batch
		for range g.Batches() {
			shape := []int{runBatch, r.Sizes.Points}
			if r.Sizes.Points == 0 {
				shape = []int{runBatch, r.Sizes.Channels, r.Sizes.Side, r.Sizes.Side}
			}
			x := reals(c, shape...)
			if len(shape) == 4 {
				x = x.ToFormat(s.Format())
			}
			batches = append(batches, Batch{X: x, Labels: r.labels(c, drawn)})
			drawn++
		}
		g.Step(c, batches, g.Variant(step))
		d := g.sumsD.Doubles()
		line := append(d[:len(d)-2:len(d)-2], make([]float64, max(0, 4-(len(d)-2)))...)
		after(int(step), append(line, g.sumsG.Doubles()[0], g.parts.Dials[0].Value.Item()))
		g.sumsD.Fill(0)
		g.sumsG.Fill(0)
		c.Close()
	}
	return g
}

// goldenRuns are those of golden_gans.py, golden_augment.py and golden_labels.py.
func goldenRuns(t *testing.T) map[string]training {
	var all struct{ Runs map[string]training }
	torchtest.Golden(t, "testdata/gans.json", &all)
	var augmented, labelled struct {
		Classes int
		Runs    map[string]training
	}
	torchtest.Golden(t, "testdata/augment.json", &augmented)
	torchtest.Golden(t, "testdata/labels.json", &labelled)
	require.Len(t, augmented.Runs, 2)
	require.Len(t, labelled.Runs, 9)
	maps.Copy(all.Runs, augmented.Runs)
	for name, r := range labelled.Runs {
		r.Classes = labelled.Classes
		all.Runs[name] = r
	}
	return all.Runs
}

// cancelled are the biases of a residual generator that its batch normalisations take away again, and the means that hold them.
// Their gradients are rounding and nothing else, which Adam divides by its own size, so what they come to in ten steps is the
// processor's. A bias that learnt would have moved by 1e-4.
var cancelled = regexp.MustCompile(`^(gen|average)\.(\d+\.(body\.[36]|skip\.0)\.bias|.*running_mean)$`)

// Ten steps of every way to train agree with PyTorch's: losses, scores, penalties, rates, and in the end every tensor.
func TestTenStepsOfEveryTrainingAsPyTorchInFloat64(t *testing.T) {
	for name, want := range goldenRuns(t) {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				g := rerun(t, s, want, len(want.Log), func(step int, line []float64) {
					torchtest.Close(t, want.Log[step], line, 1e-9, 1e-9, fmt.Sprint("step ", step))
				})
				nets := map[string]nn.Module{"gen.": g.gen, "disc.": g.disc}
				if g.average != nil {
					nets["average."] = g.parts.Nets[2].Module
				}
				seen := 0
				for prefix, m := range nets {
					for _, e := range nn.Entries(m) {
						key := prefix + strings.TrimPrefix(e.Name, "main.")
						require.Contains(t, want.State, key)
						within := 1e-9
						if cancelled.MatchString(key) && slices.Contains(want.Settings, "model=resnet") {
							within = 1e-7
						}
						torchtest.Close(t, want.State[key], few(e.Tensor.Doubles()), within, within, key)
						seen++
					}
				}
				assert.Len(t, want.State, seen)
			}, torch.Of(torch.Float64))
		})
	}
}

// few is golden.py's sample of 8.
func few(values []float64) (some []float64) {
	step := max(1, len(values)/8)
	for i := 0; i < len(values) && len(some) < 8; i += step {
		some = append(some, values[i])
	}
	return some
}

// In float32, by our own kernels wherever they can be, two steps agree with PyTorch here and now.
func TestTwoStepsOfEveryTrainingAsPyTorchInFloat32(t *testing.T) {
	python := torchtest.Python(t)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		var golden map[string]training
		script := filepath.Join(torchtest.Root(t), "scripts", "golden_gans.py")
		torchtest.JSON(t, &golden, python, script, "steps", "2", "float32", strings.TrimSuffix(s.Device().String(), ":0"))
		for _, name := range slices.Sorted(maps.Keys(golden)) {
			rerun(t, s.Child(), golden[name], 2, func(step int, line []float64) {
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
