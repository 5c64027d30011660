package method

import (
	"math"
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

// looked is an optimizer that shows the gradients before it drops them.
type looked struct {
	optim.Optimizer
	at func()
}

func (o looked) Step() {
	o.at()
	o.Optimizer.Step()
}

// At every tenth step the norm of the generator's gradient is measured, and at no other; it changes nothing.
func TestTheGeneratorsGradientIsMeasured(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		run := func(steep bool) (norms, weights, sums []float64) {
			c := s.Child()
			defer c.Close()
			st := newStepper(t, c, model.Options{Name: "dcgan", Latent: 4, GenWidth: 2, DiscWidth: 2}, data.Shape{Height: 16, Width: 16, Channels: 1}, "nonsaturating", nil)
			st.optG.Optimizer = looked{st.optG.Optimizer, func() {
				sum := 0.
				for _, p := range nn.Parameters(st.gen) {
					for _, v := range c.Child().Gradient(p).Doubles() {
						sum += v * v
					}
				}
				norms = append(norms, math.Sqrt(sum))
			}}
			for step := range int64(10) {
				variant := st.Variant(step)
				if !steep {
					variant = 0
				}
				one := c.Child()
				st.Step(one, []Batch{{X: one.FromDoubles(torchtest.Fill(3, 8*256), 8, 1, 16, 16).To(torch.Float32)}}, variant)
				one.Close()
			}
			require.Equal(t, "gradient", st.Parts().Meters[2].Key)
			return norms, nn.Parameters(st.gen)[0].Doubles(), st.Parts().Meters[2].Sums.Doubles()
		}
		norms, weights, sums := run(true)
		assert.InEpsilon(t, norms[9], sums[0], 1e-5)
		assert.InDelta(t, 1, sums[1], 0, "measured once")
		_, plain, none := run(false)
		assert.Equal(t, plain, weights)
		assert.Zero(t, none[1])
	})
}

// The value function says how far apart what the discriminator is shown is, where the loss is that function and nothing else.
func TestFiguresOfTheValue(t *testing.T) {
	figures := func(loss string, smoothing float64) (got map[string]float64) {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			var o Options
			o.Settings().Reset()
			o.Loss, o.LabelSmoothing = loss, smoothing
			o.Model = model.Options{Name: "toy", Latent: 1, GenWidth: 2, DiscWidth: 2}
			b := model.NewBuilder(s, 1)
			p := newGAN(b, o, ganNets(b, o, data.Shape{Points: 1}), 4).Parts()
			got = map[string]float64{}
			for _, f := range p.Figures {
				assert.Equal(t, "loss_d", f.Of)
				got[f.Name] = f.At(.5) // V = -.5
			}
		})
		return got
	}
	want := map[string]float64{"value_gap": math.Log(4) - .5, "js_estimate": math.Ln2 - .25}
	assert.Equal(t, want, figures("nonsaturating", 0))
	assert.Equal(t, want, figures("minimax", 0))
	for loss, smoothing := range map[string]float64{"nonsaturating": .1, "hinge": 0, "wasserstein": 0, "lsgan": 0, "relativistic": 0} {
		assert.Empty(t, figures(loss, smoothing), loss)
	}
}
