package method

import (
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"

	"github.com/stretchr/testify/require"
)

// BenchmarkDrawing draws four images as preset pixelcnn has them: with what was found before kept, and by a pass over the whole
// image for each of its numbers.
func BenchmarkDrawing(b *testing.B) {
	of := data.Shape{Height: 28, Width: 28, Channels: 1}
	o := Options{Model: model.Options{Name: "masked", GenWidth: 32, Depth: 12}, Binarize: "fixed"}
	for name, draw := range map[string]func(a autoregressive, uniforms torch.Tensor){
		"kept":  func(a autoregressive, uniforms torch.Tensor) { a.draw(uniforms, torch.Tensor{}, torch.Tensor{}, 0) },
		"naive": func(a autoregressive, uniforms torch.Tensor) { naive(a, uniforms, torch.Tensor{}, torch.Tensor{}, 0) },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := torch.NewScope(torch.Threads(1), torch.Layout(torch.ChannelsLast), torch.NoGrad, torch.Eval)
			require.NoError(b, err)
			defer s.Close()
			a := autoregressiveOf(pixelcnnNets(model.NewBuilder(s, 1), o, of)[0], o, of)
			g := s.NewGenerator(1)
			for b.Loop() {
				c := s.Child()
				draw(a, c.Rand(g, 4, of.Bytes()))
				c.Close()
			}
		})
	}
}
