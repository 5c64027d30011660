package feature

import (
	"forger/torch"
	"forger/torch/nn"
)

// inceptionNet is the Inception v3 that FID is defined by: Szegedy et al. 2015 as TensorFlow's graph of 2015-12-05 has it. The
// keys of its state are torchvision's, and pytorch-fid's and torch-fidelity's file of the weights has them. It differs from
// torchvision's network in its pools: the averages of 3x3 leave out what pads them, and the last block takes the maximum.
type inceptionNet struct {
	body chain
	fc   *nn.Linear // 2048 -> 1008
}

// inceptionFeatures is how many features it makes, and inceptionClasses how many logits.
const (
	inceptionFeatures = 2048
	inceptionClasses  = 1008
)

func newInception(s *torch.Scope) *inceptionNet {
	b := inceptionBuilder{s}
	return &inceptionNet{
		body: chain{
			b.conv("Conv2d_1a_3x3", 3, 32, square(3), step(2)), b.conv("Conv2d_2a_3x3", 32, 32, square(3)),
			b.conv("Conv2d_2b_3x3", 32, 64, square(3), padded), largest,
			b.conv("Conv2d_3b_1x1", 64, 80, square(1)), b.conv("Conv2d_4a_3x3", 80, 192, square(3)), largest,
			under{"Mixed_5b", b.blockA(192, 32)}, under{"Mixed_5c", b.blockA(256, 64)}, under{"Mixed_5d", b.blockA(288, 64)},
			under{"Mixed_6a", b.blockB(288)},
			under{"Mixed_6b", b.blockC(128)}, under{"Mixed_6c", b.blockC(160)}, under{"Mixed_6d", b.blockC(160)}, under{"Mixed_6e", b.blockC(192)},
			under{"Mixed_7a", b.blockD()},
			under{"Mixed_7b", b.blockE(1280, mean)}, under{"Mixed_7c", b.blockE(2048, nn.MaxPool2d{Kernel: square(3), Stride: square(1), Padding: square(1)})},
			spatialMean{},
		},
		fc: nn.NewLinear(s, nil, inceptionFeatures, inceptionClasses, false),
	}
}

// State is the body's and fc's.
func (n *inceptionNet) State(prefix string, visit func(nn.Entry)) {
	n.body.State(prefix, visit)
	under{"fc", n.fc}.State(prefix, visit)
}

// Forward is [N,3,299,299] to features [N,2048].
func (n *inceptionNet) Forward(x torch.Tensor) torch.Tensor { return n.body.Forward(x) }

// The pools between and within the blocks.
var (
	largest = nn.MaxPool2d{Kernel: square(3), Stride: square(2)}
	mean    = nn.AvgPool2d{Kernel: square(3), Stride: square(1), Padding: square(1), ExcludePad: true}
)

func square(n int) [2]int { return [2]int{n, n} }

// inceptionBuilder makes the network's parts in a scope, to be loaded.
type inceptionBuilder struct{ s *torch.Scope }

// step is the stride of a convolution, and padded that it keeps its input's sides.
func step(n int) func(*torch.Conv, [2]int) {
	return func(o *torch.Conv, _ [2]int) { o.Stride = square(n) }
}

func padded(o *torch.Conv, kernel [2]int) { o.Padding = [2]int{kernel[0] / 2, kernel[1] / 2} }

// conv is a convolution without bias, a batch normalisation with eps .001 and a rectifier. torchvision: BasicConv2d.
func (b inceptionBuilder) conv(name string, in, out int, kernel [2]int, options ...func(*torch.Conv, [2]int)) nn.Module {
	var o torch.Conv
	for _, set := range options {
		set(&o, kernel)
	}
	return under{name, basicConv{nn.Sequential{
		nn.NewConv2dOblong(b.s, nil, in, out, kernel, o, true), nn.NewBatchNorm2dWith(b.s, out, nn.NormOptions{Eps: .001}), nn.ReLU().InPlace(),
	}}}
}

func (b inceptionBuilder) blockA(in, pooled int) nn.Module {
	return fork{
		b.conv("branch1x1", in, 64, square(1)),
		chain{b.conv("branch5x5_1", in, 48, square(1)), b.conv("branch5x5_2", 48, 64, square(5), padded)},
		chain{b.conv("branch3x3dbl_1", in, 64, square(1)), b.conv("branch3x3dbl_2", 64, 96, square(3), padded), b.conv("branch3x3dbl_3", 96, 96, square(3), padded)},
		chain{mean, b.conv("branch_pool", in, pooled, square(1))},
	}
}

func (b inceptionBuilder) blockB(in int) nn.Module {
	return fork{
		b.conv("branch3x3", in, 384, square(3), step(2)),
		chain{b.conv("branch3x3dbl_1", in, 64, square(1)), b.conv("branch3x3dbl_2", 64, 96, square(3), padded), b.conv("branch3x3dbl_3", 96, 96, square(3), step(2))},
		largest,
	}
}

// blockC has kernels of 1x7 and 7x1 between c channels.
func (b inceptionBuilder) blockC(c int) nn.Module {
	const in, out = 768, 192
	across, down := [2]int{1, 7}, [2]int{7, 1}
	return fork{
		b.conv("branch1x1", in, out, square(1)),
		chain{b.conv("branch7x7_1", in, c, square(1)), b.conv("branch7x7_2", c, c, across, padded), b.conv("branch7x7_3", c, out, down, padded)},
		chain{
			b.conv("branch7x7dbl_1", in, c, square(1)), b.conv("branch7x7dbl_2", c, c, down, padded), b.conv("branch7x7dbl_3", c, c, across, padded),
			b.conv("branch7x7dbl_4", c, c, down, padded), b.conv("branch7x7dbl_5", c, out, across, padded),
		},
		chain{mean, b.conv("branch_pool", in, out, square(1))},
	}
}

func (b inceptionBuilder) blockD() nn.Module {
	const in = 768
	return fork{
		chain{b.conv("branch3x3_1", in, 192, square(1)), b.conv("branch3x3_2", 192, 320, square(3), step(2))},
		chain{
			b.conv("branch7x7x3_1", in, 192, square(1)), b.conv("branch7x7x3_2", 192, 192, [2]int{1, 7}, padded),
			b.conv("branch7x7x3_3", 192, 192, [2]int{7, 1}, padded), b.conv("branch7x7x3_4", 192, 192, square(3), step(2)),
		},
		largest,
	}
}

// blockE parts two of its branches once more.
func (b inceptionBuilder) blockE(in int, pool nn.Module) nn.Module {
	parted := func(name string) nn.Module {
		return fork{b.conv(name+"a", 384, 384, [2]int{1, 3}, padded), b.conv(name+"b", 384, 384, [2]int{3, 1}, padded)}
	}
	return fork{
		b.conv("branch1x1", in, 320, square(1)),
		chain{b.conv("branch3x3_1", in, 384, square(1)), parted("branch3x3_2")},
		chain{b.conv("branch3x3dbl_1", in, 448, square(1)), b.conv("branch3x3dbl_2", 448, 384, square(3), padded), parted("branch3x3dbl_3")},
		chain{pool, b.conv("branch_pool", in, 192, square(1))},
	}
}
