package feature

import (
	"fmt"
	"math"
	"math/rand/v2"

	"forger/torch"
	"forger/torch/nn"
)

// randomVersion changes with the network: figures of two versions are not to be compared.
const randomVersion = 1

// randomWidths are the channels of its layers. Each but the first halves the side.
var randomWidths = []int{32, 64, 128, 256}

// random is a convolutional network whose weights are the same bits on every machine: 3x3 kernels with U(-a,a), a^2 = 6 /
// fan-in (He et al. 2015), leaky rectifiers, and as features the mean over the image of every channel of every layer.
// Gray counts as RGB.
func random(f From) (*Extractor, error) {
	draw := rand.New(rand.NewPCG(randomVersion, 0))
	var layers []nn.Module
	in, width := 3, 0
	for i, out := range randomWidths {
		o := nn.ConvOptions{Stride: 2, Padding: 1, NoBias: true}
		if i == 0 {
			o.Stride = 1
		}
		conv := nn.NewConv2d(f.Scope, nil, in, out, 3, o)
		fill(conv, draw, math.Sqrt(6/float64(9*in)))
		layers = append(layers, conv)
		in, width = out, width+out
	}
	act := nn.LeakyReLU(.2)
	return &Extractor{
		Protocol: fmt.Sprintf("random-%d, %d features", randomVersion, width), Width: width,
		Of: func(x torch.Tensor) (torch.Tensor, torch.Tensor) {
			if x.Shape()[1] == 1 {
				x = torch.Cat(1, x, x, x)
			}
			var means []torch.Tensor
			for _, conv := range layers {
				x = act.Forward(conv.Forward(x))
				means = append(means, x.MeanOver(torch.Reduction{Dims: []int{2, 3}}))
			}
			return torch.Cat(1, means...), torch.Tensor{}
		},
	}, nil
}

// fill draws the weights of a layer from U(-bound,bound) in row-major order.
func fill(m nn.Module, draw *rand.Rand, bound float64) {
	for _, e := range nn.Entries(m) {
		n := 1
		for _, d := range e.Tensor.Shape() {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32((2*draw.Float64() - 1) * bound)
		}
		s := e.Tensor.Scope().Child(torch.NoGrad)
		e.Tensor.CopyFrom(s.FromFloats(values, e.Tensor.Shape()...))
		s.Close()
	}
}
