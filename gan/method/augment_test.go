package method

import (
	"testing"

	"forger/torch"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// augmentations of given numbers are the published ones, and so are their gradients.
func TestAugmentationsAsPublished(t *testing.T) {
	var golden struct {
		Operations []struct {
			Name         string
			Shape        []int
			U, Out, Grad []float64
		}
	}
	torchtest.Golden(t, "testdata/augment.json", &golden)
	require.Len(t, golden.Operations, 9)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for i, c := range golden.Operations {
			a := augmentations[c.Name]
			x := fills(100+i%3, 1, 0)(s, c.Shape...).RequireGrad()
			bent := func(u torch.Tensor) torch.Tensor {
				var b torch.Bend
				a.Of(&b, vision.Size{Height: c.Shape[2], Width: c.Shape[3]}, u)
				return x.Bend(b)
			}
			y := bent(s.FromDoubles(c.U, c.Shape[0], a.Draws))
			torchtest.Close(t, c.Out, y.Doubles(), 1e-12, 1e-12, c.Name)
			grad := torch.Grad(y.Mul(fills(300+i%3, 1, 0)(s, c.Shape...)).Sum(), false, x)[0]
			torchtest.Close(t, c.Grad, grad.Doubles(), 1e-12, 1e-12, c.Name+", gradient")

			nothing := s.Full(a.Neutral, c.Shape[0], a.Draws)
			torchtest.Close(t, x.Doubles(), bent(nothing).Doubles(), 1e-12, 1e-12, c.Name+", neutral")
		}
	}, torch.Of(torch.Float64))
}

// The chance of an augmentation follows the signs of the discriminator on its reals, at the published pace, and decides how
// many images are changed.
func TestTheChanceOfAnAugmentationIsAdapted(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := tinyGAN(t, s, func(o *Options) { o.Augment = "cutout,ada=.5" })
		c := s.Child()
		defer c.Close()
		chance := func() float64 { return g.bends.chance.Item() }
		require.Zero(t, chance())
		const images = 50_000
		for _, try := range []struct {
			logits []float32
			want   float64
		}{
			{[]float32{1, 2, 3, -1}, 0},   // the mean of the signs is the target: it stays
			{[]float32{1, 2, 3, 4}, .1},   // surer
			{[]float32{5, 1, 1, 9}, .2},   // it is the signs that count
			{[]float32{1, 2, -3, -4}, .1}, // less sure
			{[]float32{0, 0, 0, 0}, 0},
			{[]float32{-1, -1, -1, -1}, 0}, // and not below
		} {
			g.bends.adapt(c.FromFloats(try.logits, 4), images)
			assert.InDelta(t, try.want, chance(), 1e-12, "%v", try.logits)
		}
		for range 12 {
			g.bends.adapt(c.Ones(4), images)
		}
		assert.Equal(t, 1., chance(), "nor above")

		changed := func(chance float64) (n int) {
			g.bends.chance.Fill(chance)
			x := c.Ones(400, 3, 16, 16)
			for _, mean := range g.bends.of(x).MeanOver(torch.Reduction{Dims: []int{1, 2, 3}}).Floats() {
				if mean < 1 {
					n++
				}
			}
			return n
		}
		assert.Zero(t, changed(0))
		assert.Equal(t, 400, changed(1))
		assert.InDelta(t, 200, changed(.5), 50)
	})
}

func TestWhatAugmentTakes(t *testing.T) {
	for text, want := range map[string]string{
		"blur":         `--augment "blur": unknown: have color, translation, cutout, ada=.6`,
		"color=2":      `--augment "color=2": unknown: have color, translation, cutout, ada=.6`,
		"color,color":  "--augment color,color: color is there twice: leave one away",
		"color,":       `--augment "": unknown: have color, translation, cutout, ada=.6`,
		"ada=1":        "--augment ada=1: no share of the reals: use one between 0 and 1, as ada=.6",
		"cutout,ada=x": "--augment ada=x: no share of the reals: use one between 0 and 1, as ada=.6",
	} {
		_, err := parseAugment(text)
		assert.EqualError(t, err, want)
	}
	all, err := parseAugment("ada")
	require.NoError(t, err)
	assert.Len(t, all.all, 3)
	assert.Equal(t, .6, all.target)
}
