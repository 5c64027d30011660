package method

import (
	"fmt"
	"slices"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// untrained is a PixelCNN whose weights are far from 0.
func untrained(s *torch.Scope, gated bool, binarize string, of data.Shape) autoregressive {
	o := Options{Model: model.Options{Name: "masked", GenWidth: 6, Depth: 2, Gated: gated}, Binarize: binarize}
	n := pixelcnnNets(model.NewBuilder(s, 1), o, of)[0]
	sowWeights(s, n.Module, 1001)
	return autoregressiveOf(n, o, of)
}

// inOrder are labels of n images of so many classes, in turn; the zero Tensor where there are none.
func inOrder(s *torch.Scope, n, classes int) (x torch.Tensor) {
	if classes == 0 {
		return x
	}
	return Sampler{Classes: classes, Label: inTurn(classes)}.Labels(s, 0, n)
}

// The probabilities of all 512 black and white images of 3x3 sum to 1, and so do those given a label.
func TestTheProbabilitiesOfAllImagesSumToOne(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		var values []float64
		for image := range 1 << 9 {
			for bit := range 9 {
				values = append(values, float64(2*(image>>bit&1)-1))
			}
		}
		for _, gated := range []bool{false, true} {
			for label := range 3 {
				classes := 0
				var labels torch.Tensor
				c := s.Child(torch.NoGrad)
				if label > 0 {
					classes, labels = 3, c.FromInts(slices.Repeat([]int64{int64(label)}, 1<<9), 1<<9)
				}
				a := untrained(s, gated, "fixed", data.Shape{Height: 3, Width: 3, Channels: 1, Classes: classes})
				x := c.FromDoubles(values, 1<<9, 1, 3, 3).To(torch.Float32)
				assert.InDelta(t, 1, a.log(Batch{X: x, Labels: labels}).To(torch.Float64).Exp().Sum().Item(), 1e-5)
			}
		}
	})
}

// naive is draw by a pass over the whole image for each of its numbers.
func naive(a autoregressive, uniforms, labels, images torch.Tensor, rows int) torch.Tensor {
	n, of, s := uniforms.Shape()[0], a.of, uniforms.Scope()
	x := s.Zeros(n, of.Channels, of.Height, of.Width)
	if rows > 0 {
		x.Narrow(2, 0, rows).CopyFrom(a.pixels.shown(images).Narrow(2, 0, rows))
	}
	for i := rows * of.Width * of.Channels; i < of.Bytes(); i++ {
		c := s.Child()
		colour, column, row := i%of.Channels, i/of.Channels%of.Width, i/of.Channels/of.Width
		said := nn.ForwardFor(a.net, c.Use(x), labels).Narrow(2, row, 1).Narrow(3, column, 1).Reshape(n, -1)
		value := a.number(said.Narrow(1, colour*a.pixels.each(), a.pixels.each()), c.Use(uniforms).Narrow(1, i, 1))
		c.Use(x).Narrow(1, colour, 1).Narrow(2, row, 1).Narrow(3, column, 1).CopyFrom(value.Reshape(n, 1, 1, 1))
		c.Close()
	}
	return x
}

// Images drawn with what was found before kept are those drawn by a pass for each number; rows that are given stay.
func TestDrawingIsDrawingByWholePasses(t *testing.T) {
	for name, v := range map[string]struct {
		gated             bool
		binarize          string
		channels, classes int
	}{
		"binary": {false, "fixed", 1, 0}, "gated": {true, "fixed", 1, 0}, "colour": {false, "none", 3, 0}, "gated colour": {true, "none", 3, 0},
		"binary given labels": {false, "fixed", 1, 3}, "gated colour given labels": {true, "none", 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				of := data.Shape{Height: 6, Width: 5, Channels: v.channels, Classes: v.classes}
				a := untrained(s, v.gated, v.binarize, of)
				s = s.Child(torch.NoGrad, torch.Eval)
				uniforms := fills(7, .5, .5)(s, 4, of.Bytes())
				images, labels := levels(s, 8, 4, of.Channels, of.Height, of.Width), inOrder(s, 4, v.classes)
				live := s.Live()
				drawn := a.draw(uniforms, labels, torch.Tensor{}, 0)
				assert.LessOrEqual(t, s.Live(), live+3, "the images alone are left")
				torchtest.Close(t, naive(a, uniforms, labels, images, 0).Doubles(), drawn.Doubles(), 0, 1e-6, "drawn")
				half := a.draw(uniforms, labels, images, 3)
				torchtest.Close(t, naive(a, uniforms, labels, images, 3).Doubles(), half.Doubles(), 0, 1e-6, "completed")
				torchtest.Close(t, a.pixels.shown(images).Narrow(2, 0, 3).Doubles(), half.Narrow(2, 0, 3).Doubles(), 0, 0, "given")
				assert.NotEqual(t, drawn.Doubles(), half.Doubles())
			}, torch.Of(torch.Float64))
		})
	}
}

// What is drawn has the distribution that the network tells: of 20,000 images of two pixels, each of the four as often as it is
// likely, within four standard deviations.
func TestDrawnImagesHaveTheirProbabilities(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		of := data.Shape{Height: 1, Width: 2, Channels: 1}
		a := untrained(s, true, "fixed", of)
		s = s.Child(torch.NoGrad, torch.Eval)
		const n = 20000
		counts := map[string]float64{}
		drawn := a.draw(s.Rand(s.NewGenerator(1), n, 2), torch.Tensor{}, torch.Tensor{}, 0).Doubles()
		for i := 0; i < len(drawn); i += 2 {
			counts[fmt.Sprint(drawn[i:i+2])]++
		}
		require.LessOrEqual(t, len(counts), 4)
		all := []float64{-1, -1, -1, 1, 1, -1, 1, 1}
		for i, p := range a.log(Batch{X: s.FromDoubles(all, 4, 1, 1, 2).To(torch.Float32)}).Exp().Doubles() {
			got := counts[fmt.Sprint(all[2*i:2*i+2])] / n
			assert.Less(t, (got-p)*(got-p), 16*p*(1-p)/n+1e-9, "%v: %v, not %v", all[2*i:2*i+2], got, p)
		}
	})
}
