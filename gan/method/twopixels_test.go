package method

import (
	"math"
	"slices"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoPixels are the images of two black and white pixels, and pixelShares how often each is of a class.
var (
	twoPixels   = []float64{-1, -1, -1, 1, 1, -1, 1, 1}
	pixelShares = [][]float64{{.45, .05, .15, .35}, {.10, .20, .65, .05}}
)

// A distribution of two black and white pixels that is known is learnt to within .01 nats, and given labels that of each class:
// by a PixelCNN with and without gates, and by a VAE as far as its importance-weighted estimate tells.
func TestTwoPixelsAreLearnt(t *testing.T) {
	for name, change := range map[string]func(o *Options){
		"pixelcnn": func(o *Options) { o.Method, o.Model.Name, o.Model.Depth = "pixelcnn", "masked", 1 },
		"gated":    func(o *Options) { o.Method, o.Model.Name, o.Model.Depth, o.Model.Gated = "pixelcnn", "masked", 2, true },
		"vae":      func(o *Options) { o.Method, o.Model.Name, o.Model.Latent, o.IWSamples = "vae", "mlp", 2, 8 },
	} {
		for way, classes := range map[string]int{"none": 1, "concat": 2} {
			t.Run(name+" "+way, func(t *testing.T) {
				torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
					var o Options
					o.Settings().Reset()
					o.Model.GenWidth, o.Model.DiscWidth, o.Binarize, o.LR, o.Beta1, o.Schedule = 16, 16, "fixed", 1e-2, .9, "linear"
					o.Model.Conditional = way
					change(&o)
					require.NoError(t, o.Check())
					learnTwoPixels(t, s, o, pixelShares[:classes])
				}, torch.Threads(1))
			})
		}
	}
}

// learnTwoPixels trains on as many images of each class, and compares what it says of each image with the distribution.
func learnTwoPixels(t *testing.T, s *torch.Scope, o Options, classes [][]float64) {
	of := data.Shape{Height: 1, Width: 2, Channels: 1}
	if o.Model.IsConditional() {
		of.Classes = len(classes)
	}
	b := model.NewBuilder(s, 1)
	nets := o.Entry().Nets(b, o, of)
	m := o.Entry().New(b, o, nets, 100*len(classes))
	s.Seal()
	var batch []float64 // every image as often as it is likely
	var labels []int64
	for class, shares := range classes {
		for i, p := range shares {
			for range int(math.Round(100 * p)) {
				batch, labels = append(batch, twoPixels[2*i:2*i+2]...), append(labels, int64(class))
			}
		}
	}
	images := func(c *torch.Scope, values []float64, labels []int64) (b Batch) {
		b.X = c.FromDoubles(values, len(labels), 1, 1, 2).To(torch.Float32)
		if of.Classes > 0 {
			b.Labels = c.FromInts(labels, len(labels))
		}
		return b
	}
	const steps = 300
	for step := range int64(steps) {
		c := s.Child()
		m.Parts().Turn(step, steps)
		m.Step(c, []Batch{images(c, batch, labels)}, 0)
		c.Close()
	}
	c := s.Child(torch.NoGrad, torch.Eval)
	for class, shares := range classes {
		each := images(c, twoPixels, slices.Repeat([]int64{int64(class)}, 4))
		_, nats := o.Entry().Likelihood(nets, false, o, of).NLL(each, c.NewGenerator(1), 5000)
		entropy, cross := 0., 0.
		for i, p := range shares {
			entropy -= p * math.Log(p)
			cross += p * nats[i]
		}
		assert.InDelta(t, entropy, cross, .01, "class %d", class)
	}
}
