package feature

import (
	"fmt"
	"strconv"
	"strings"

	"forger/internal/setting"
	"forger/torch"
)

// Options say how images are brought to a network of a file.
type Options struct {
	Resizer string // a key of resizers
	Size    int    // side of the images that a TorchScript network is given; 0: the data's
	Range   string // "low,high": what black and white are to it
}

// Settings are the options as a user sets them, each name behind a prefix.
func (o *Options) Settings(prefix string) setting.Set {
	return setting.Set{
		{Name: prefix + "resizer", Help: "how images come to the side that a network takes: tf1 (TensorFlow 1's, as torch-fidelity has it), bilinear (pytorch-fid's); it is also which of the two inception follows",
			Value: &o.Resizer, Default: "tf1", Check: setting.OneOf("tf1", "bilinear"), Marks: setting.Resume},
		{Name: prefix + "feature-size", Help: "side of the images that a TorchScript network takes; 0: as they are", Value: &o.Size, Check: setting.AtLeast(0), Marks: setting.Resume},
		{Name: prefix + "feature-range", Help: "what black and white are to a TorchScript network: -1,1 or 0,1 or 0,255", Value: &o.Range, Default: "-1,1",
			Check: knownRange, Marks: setting.Resume},
	}
}

func knownRange(r setting.Row) error {
	if text := r.Get().(string); text != "" {
		if _, _, ok := ends(text); !ok {
			return setting.Usagef("--%s %s: not understood: write two numbers, such as 0,255", r.Name, text)
		}
	}
	return nil
}

// ends are the two numbers of a range.
func ends(text string) (low, high float64, ok bool) {
	a, b, both := strings.Cut(text, ",")
	low, errA := strconv.ParseFloat(a, 64)
	high, errB := strconv.ParseFloat(b, 64)
	return low, high, both && errA == nil && errB == nil && low < high
}

// input is how images in [-1,1] become what a network is given: rounded to 8 bits as image files are, resized, and scaled.
type input struct {
	side         int // 0: as they are
	resizer      string
	scale, shift float64 // of 0 to 255
	range_       string  // the same for people
}

func (in input) String() string {
	if in.side == 0 {
		return "range " + in.range_
	}
	return fmt.Sprintf("%s to %dx%d, range %s", in.resizer, in.side, in.side, in.range_)
}

// of makes the function for the data's images, gray or RGB: [N,C,H,W] in [-1,1] to [N,3,side,side].
func (in input) of(f From) func(x torch.Tensor) torch.Tensor {
	resize := func(x torch.Tensor) torch.Tensor { return x }
	if in.side != 0 && (f.Shape.Height != in.side || f.Shape.Width != in.side) {
		resize = resizers[in.resizer](f.Scope, f.Shape.Height, f.Shape.Width, in.side)
	}
	return func(x torch.Tensor) torch.Tensor {
		shape := x.Shape()
		x = x.Scope().FromBytes(x.Pixels(), torch.Uint8, shape[0], shape[2], shape[3], shape[1]).To(torch.Float32).Permute(0, 3, 1, 2)
		if shape[1] == 1 {
			x = torch.Cat(1, x, x, x)
		}
		return resize(x).Affine(in.scale, in.shift).ToFormat(x.Scope().Format())
	}
}

// resizers is where a way to resize images of h x w is added; what it needs lives in s.
var resizers = map[string]func(s *torch.Scope, h, w, side int) func(x torch.Tensor) torch.Tensor{
	"tf1": tf1,
	"bilinear": func(_ *torch.Scope, _, _, side int) func(x torch.Tensor) torch.Tensor {
		return func(x torch.Tensor) torch.Tensor {
			return x.Interpolate(side, side, torch.Interpolation{Bilinear: true})
		}
	},
}

// tf1 is tf.image.resize_bilinear of TensorFlow 1: pixel i is read at i*in/out, without half a pixel's shift and without
// smoothing. torch-fidelity: interpolate_bilinear_2d_like_tensorflow1x. A row of a matrix has the two neighbours' weights.
func tf1(s *torch.Scope, h, w, side int) func(x torch.Tensor) torch.Tensor {
	across, down := tf1Weights(s, w, side), tf1Weights(s, h, side)
	return func(x torch.Tensor) torch.Tensor {
		return x.MatMul(across).Permute(0, 1, 3, 2).MatMul(down).Permute(0, 1, 3, 2)
	}
}

// tf1Weights is [in,out].
func tf1Weights(s *torch.Scope, in, out int) torch.Tensor {
	weights := make([]float32, in*out)
	scale := float32(float64(in) / float64(out))
	for i := range out {
		at := float32(i) * scale
		low := int(at)
		share := at - float32(low)
		weights[low*out+i] += 1 - share
		weights[min(low+1, in-1)*out+i] += share
	}
	return s.FromFloats(weights, in, out)
}
