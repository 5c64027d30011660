package export

import (
	"fmt"
	"strings"

	"forger/torch"
	"forger/torch/nn"
)

// call is a function of x and what else it is given.
func call(op string, n nn.Node, more ...any) string {
	args := []string{n.Inputs[0]}
	for _, a := range more {
		switch a := a.(type) {
		case bool:
			args = append(args, map[bool]string{true: "True", false: "False"}[a])
		case []int:
			args = append(args, list(a))
		default:
			args = append(args, fmt.Sprint(a))
		}
	}
	return fmt.Sprintf("%s(%s)", op, strings.Join(args, ", "))
}

// scriptLayers are further entries of scriptOps.
var scriptLayers = map[string]func(n nn.Node) string{
	"conv1d": func(n nn.Node) string {
		c := n.Conv
		return call("conv1d", n, attribute(n.Params[0]), attribute(n.Params[1]), c.Stride[1:], c.Padding[1:], c.Dilation[1:], c.Groups)
	},
	"avg_pool2d": func(n nn.Node) string {
		p := n.Pool
		return call("avg_pool2d", n, p.Kernel[:], p.Stride[:], p.Padding[:], p.Ceil, !p.ExcludePad)
	},
	"max_pool2d": func(n nn.Node) string {
		p := n.Pool
		return call("max_pool2d", n, p.Kernel[:], p.Stride[:], p.Padding[:], p.Dilation[:], p.Ceil)
	},
	"adaptive_avg_pool2d": func(n nn.Node) string { return call("adaptive_avg_pool2d", n, n.Shape) },
	"sum":                 func(n nn.Node) string { return call("sum", n, n.Dims) },
	"mean":                func(n nn.Node) string { return call("mean", n, n.Dims) },
	"interpolate": func(n nn.Node) string {
		size := fmt.Sprintf("[%[1]s.size(2) * %[2]d, %[1]s.size(3) * %[2]d]", n.Inputs[0], n.Factor)
		if n.Interpolation.Bilinear {
			return call("upsample_bilinear2d", n, size, n.Interpolation.AlignCorners)
		}
		return call("upsample_nearest2d", n, size)
	},
	"pixel_shuffle":   func(n nn.Node) string { return call("pixel_shuffle", n, n.Factor) },
	"pixel_unshuffle": func(n nn.Node) string { return call("pixel_unshuffle", n, n.Factor) },
	"pad": func(n nn.Node) string {
		mode := map[torch.Border]string{torch.ZeroBorder: "constant", torch.ReflectBorder: "reflect", torch.ReplicateBorder: "replicate"}[n.Border]
		return call("pad", n, n.Shape, fmt.Sprintf("%q", mode))
	},
	"layer_norm": func(n nn.Node) string {
		return call("layer_norm", n, n.Shape, attribute(n.Params[0]), attribute(n.Params[1]), n.Eps)
	},
	"group_norm": func(n nn.Node) string {
		return call("group_norm", n, n.Factor, attribute(n.Params[0]), attribute(n.Params[1]), n.Eps)
	},
	"instance_norm": func(n nn.Node) string {
		return call("instance_norm", n, attribute(n.Params[0]), attribute(n.Params[1]), "None", "None", true, "0.", n.Eps, false)
	},
	"silu": elementwise,
	"gelu": func(n nn.Node) string {
		return call("gelu", n, map[bool]string{true: `approximate="tanh"`, false: `approximate="none"`}[n.Tanh])
	},
	"elu":         func(n nn.Node) string { return call("elu", n, n.Slope) },
	"softplus":    elementwise,
	"softmax":     func(n nn.Node) string { return call("softmax", n, n.Dims[0]) },
	"log_softmax": func(n nn.Node) string { return call("log_softmax", n, n.Dims[0]) },
	"prelu":       func(n nn.Node) string { return call("prelu", n, attribute(n.Params[0])) },
	"embedding": func(n nn.Node) string {
		return fmt.Sprintf("embedding(%s, %s)", attribute(n.Params[0]), n.Inputs[0])
	},
	"mul":    func(n nn.Node) string { return call("mul", n, second(n)) },
	"narrow": func(n nn.Node) string { return call("narrow", n, n.Dims[0], n.Shape[0], n.Shape[1]) },
	"masked_conv2d": func(n nn.Node) string {
		return conv2d(n, fmt.Sprintf("torch.mul(%s, %s)", attribute(n.Params[0]), attribute(n.Params[1])), n.Params[2])
	},
	"cat": func(n nn.Node) string { return fmt.Sprintf("cat([%s], %d)", strings.Join(n.Inputs, ", "), n.Dims[0]) },
	"one_hot": func(n nn.Node) string {
		const float32 = 6 // its number among torch's types
		return fmt.Sprintf("to(torch.one_hot(%s, %d), %d)", n.Inputs[0], n.Factor, float32)
	},
	"expand_as": func(n nn.Node) string {
		return call("expand", n, fmt.Sprintf("[-1, -1, %[1]s.size(2), %[1]s.size(3)]", n.Inputs[1]))
	},
	"minibatch_stddev": func(n nn.Node) string {
		x := n.Inputs[0]
		group := fmt.Sprintf("min(%d, %s.size(0))", n.Factor, x)
		groups := fmt.Sprintf("torch.reshape(%[1]s, [%[2]s, -1, %[1]s.size(1), %[1]s.size(2), %[1]s.size(3)])", x, group)
		level := fmt.Sprintf("torch.mean(torch.sqrt(torch.var(%s, [0], False) + %v), [1, 2, 3], True)", groups, n.Eps)
		return fmt.Sprintf("cat([%[1]s, torch.tile(%[2]s, [%[3]s, 1, %[1]s.size(2), %[1]s.size(3)])], 1)", x, level, group)
	},
	"pixel_attention": func(n nn.Node) string {
		theta, phi, g := n.Inputs[0], n.Inputs[1], n.Inputs[2]
		scores := fmt.Sprintf("torch.matmul(torch.transpose(torch.flatten(%s, 2), 1, 2), torch.flatten(%s, 2))", theta, phi)
		seen := fmt.Sprintf("torch.matmul(torch.flatten(%s, 2), torch.transpose(torch.softmax(%s, 2), 1, 2))", g, scores)
		return fmt.Sprintf("reshape(%[1]s, [-1, %[2]s.size(1), %[3]s.size(2), %[3]s.size(3)])", seen, g, theta)
	},
}
