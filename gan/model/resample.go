package model

import (
	"forger/torch"
	"forger/torch/nn"
)

// resample doubles or halves an image's side by a bilinear filter, with zeros beyond the edge: the [1,2,1] of a side at
// twice the rate comes to the taps 1, 3, 3, 1 at every second place, a convolution with kernel 4, stride 2 and padding 1 on
// each channel.
type resample struct {
	kernel torch.Tensor // [C,1,4,4], not trained
	up     bool
}

func newResample(s *torch.Scope, channels int, up bool) *resample {
	taps := []float32{1, 3, 3, 1}
	scale := float32(64) // the taps' sum, squared
	if up {
		scale /= 4 // three of four places that it reads are zeros
	}
	values := make([]float32, 0, 16*channels)
	for range channels {
		for _, y := range taps {
			for _, x := range taps {
				values = append(values, y*x/scale)
			}
		}
	}
	kernel := s.Zeros(channels, 1, 4, 4)
	kernel.CopyFrom(s.FromFloats(values, channels, 1, 4, 4))
	return &resample{kernel, up}
}

func (r *resample) how() torch.Conv {
	return torch.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, Groups: r.kernel.Shape()[0]}
}

// Forward is [N,C,H,W] -> [N,C,2H,2W] or [N,C,H/2,W/2].
func (r *resample) Forward(x torch.Tensor) torch.Tensor {
	if r.up {
		return x.ConvTranspose2d(r.kernel, torch.Tensor{}, r.how())
	}
	return x.Conv2d(r.kernel, torch.Tensor{}, r.how())
}

// State is kernel, a buffer.
func (r *resample) State(prefix string, visit func(nn.Entry)) {
	visit(nn.Entry{Name: key(prefix, "kernel"), Tensor: r.kernel, Buffer: true})
}

// Describe is the convolution.
func (r *resample) Describe(g *nn.Graph, prefix, x string) string {
	op := "conv2d"
	if r.up {
		op = "conv_transpose2d"
	}
	return g.Add(nn.Node{Op: op, Inputs: []string{x}, Params: []string{key(prefix, "kernel"), ""}, Conv: r.how().Filled()})
}

// key is a state_dict key; the prefix may be empty.
func key(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
