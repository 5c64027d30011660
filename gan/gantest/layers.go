package gantest

import (
	"forger/torch"
	"forger/torch/nn"
)

// Layers are modules for inputs as LayerInput says.
func Layers(s *torch.Scope) map[string]nn.Module {
	bilinear := torch.Interpolation{Bilinear: true}
	aligned := torch.Interpolation{Bilinear: true, AlignCorners: true}
	conv := func(in, out int) nn.Module { return nn.NewConv2d(s, nil, in, out, 1, nn.ConvOptions{}) }
	return map[string]nn.Module{
		"avg_pool2d":              nn.AvgPool2d{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 0}},
		"avg_pool2d_exclude":      nn.AvgPool2d{Kernel: [2]int{3, 2}, Padding: [2]int{1, 0}, ExcludePad: true},
		"max_pool2d":              nn.MaxPool2d{Kernel: [2]int{2, 2}, Padding: [2]int{1, 0}, Dilation: [2]int{2, 1}},
		"max_pool2d_ceil":         nn.MaxPool2d{Kernel: [2]int{2, 3}, Stride: [2]int{4, 2}, Ceil: true},
		"adaptive_avg_pool2d":     nn.AdaptiveAvgPool2d{Height: 1, Width: 1},
		"global_sum":              nn.GlobalSumPool(),
		"global_avg":              nn.GlobalAvgPool(),
		"nearest":                 nn.Upsample{Factor: 3},
		"bilinear":                nn.Upsample{Factor: 2, Interpolation: bilinear},
		"bilinear_aligned":        nn.Upsample{Factor: 2, Interpolation: aligned},
		"pixel_shuffle":           nn.PixelShuffle(2),
		"pixel_unshuffle":         nn.PixelUnshuffle(2),
		"zero_pad":                nn.Pad2d{Left: 1, Right: 2, Top: 3},
		"reflect_pad":             nn.Pad2d{Border: torch.ReflectBorder, Left: 1, Right: 2, Top: 3},
		"replicate_pad":           nn.Pad2d{Border: torch.ReplicateBorder, Left: 1, Right: 2, Top: 3},
		"layer_norm":              nn.NewLayerNorm(s, []int{6, 4}, nn.NormOptions{}),
		"layer_norm_plain":        nn.NewLayerNorm(s, []int{8, 6, 4}, nn.NormOptions{NoAffine: true}),
		"group_norm":              nn.NewGroupNorm(s, 2, 8, nn.NormOptions{Eps: .1}),
		"group_norm_plain":        nn.NewGroupNorm(s, 4, 8, nn.NormOptions{NoAffine: true}),
		"instance_norm":           nn.NewInstanceNorm2d(s, 8, nn.NormOptions{}),
		"batch_norm":              nn.NewBatchNorm2dWith(s, 8, nn.NormOptions{Eps: .1}),
		"batch_norm_plain":        nn.NewBatchNorm2dWith(s, 8, nn.NormOptions{NoAffine: true}),
		"silu":                    nn.SiLU(),
		"gelu":                    nn.GELU(false),
		"gelu_tanh":               nn.GELU(true),
		"elu":                     nn.ELU(1),
		"softplus":                nn.Softplus(),
		"softmax":                 nn.Softmax(1),
		"log_softmax":             nn.LogSoftmax(-1),
		"prelu":                   nn.NewPReLU(s, 8, .25),
		"embedding":               nn.NewEmbedding(s, nil, 5, 3),
		"conv1d":                  nn.NewConv1d(s, nil, 8, 4, 3, nn.ConvOptions{Stride: 2, Padding: 1, Groups: 2}),
		"conv2d_oblong":           nn.NewConv2dOblong(s, nil, 8, 4, [2]int{1, 3}, torch.Conv{Padding: [2]int{0, 1}}, false),
		"conv_transpose2d_oblong": nn.NewConvTranspose2dOblong(s, nil, 8, 4, [2]int{3, 1}, torch.Conv{Stride: [2]int{2, 1}}, true),
		"minibatch_stddev":        nn.MinibatchStdDev{Group: 2},
		"minibatch_whole":         nn.MinibatchStdDev{Group: 64},
		"self_attention":          nn.NewSelfAttention(s, 8, conv),
	}
}

// LayerInput is the shape of what one of Layers takes.
func LayerInput(name string) []int {
	switch name {
	case "embedding":
		return []int{4, 2}
	case "conv1d":
		return []int{4, 8, 7}
	}
	return []int{4, 8, 6, 4}
}
