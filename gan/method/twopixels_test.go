package method

import (
	"math"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A distribution of two black and white pixels that is known is learnt to within .01 nats: by a PixelCNN with and without gates,
// and by a VAE as far as its importance-weighted estimate tells.
func TestTwoPixelsAreLearnt(t *testing.T) {
	images := []float64{-1, -1, -1, 1, 1, -1, 1, 1}
	shares := []float64{.45, .05, .15, .35}
	entropy := 0.0
	for _, p := range shares {
		entropy -= p * math.Log(p)
	}
	of := data.Shape{Height: 1, Width: 2, Channels: 1}
	for name, change := range map[string]func(o *Options){
		"pixelcnn": func(o *Options) { o.Method, o.Model.Name, o.Model.Depth = "pixelcnn", "masked", 1 },
		"gated":    func(o *Options) { o.Method, o.Model.Name, o.Model.Depth, o.Model.Gated = "pixelcnn", "masked", 2, true },
		"vae":      func(o *Options) { o.Method, o.Model.Name, o.Model.Latent, o.IWSamples = "vae", "mlp", 2, 8 },
	} {
		t.Run(name, func(t *testing.T) {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				var o Options
				o.Settings().Reset()
				o.Model.GenWidth, o.Model.DiscWidth, o.Binarize, o.LR, o.Beta1, o.Schedule = 16, 16, "fixed", 1e-2, .9, "linear"
				change(&o)
				require.NoError(t, o.Check())
				b := model.NewBuilder(s, 1)
				nets := o.Entry().Nets(b, o, of)
				m := o.Entry().New(b, o, nets, 100)
				s.Seal()
				var batch []float64 // every image as often as it is likely
				for i, p := range shares {
					for range int(math.Round(100 * p)) {
						batch = append(batch, images[2*i:2*i+2]...)
					}
				}
				const steps = 300
				for step := range int64(steps) {
					c := s.Child()
					m.Parts().Turn(step, steps)
					m.Step(c, []Batch{{X: c.FromDoubles(batch, 100, 1, 1, 2).To(torch.Float32)}}, 0)
					c.Close()
				}
				c := s.Child(torch.NoGrad, torch.Eval)
				x := c.FromDoubles(images, 4, 1, 1, 2).To(torch.Float32)
				_, nats := o.Entry().Likelihood(nets, false, o, of).NLL(Batch{X: x}, c.NewGenerator(1), 5000)
				cross := 0.0
				for i, p := range shares {
					cross += p * nats[i]
				}
				assert.InDelta(t, entropy, cross, .01)
			}, torch.Threads(1))
		})
	}
}
