package nn

import "forger/torch"

// Conv1d is a convolution along a line. PyTorch: nn.Conv1d.
type Conv1d struct {
	Weight, Bias torch.Tensor // [out,in/groups,k], [out]
	conv         torch.Conv
}

// NewConv1d makes a layer [N,in,L] -> [N,out,L'] with PyTorch's default initialisation, drawn from g.
func NewConv1d(s *torch.Scope, g *torch.Generator, in, out, kernel int, o ConvOptions) *Conv1d {
	c := &Conv1d{conv: o.square()}
	in /= max(o.Groups, 1)
	c.Weight, c.Bias = convWeights(s, g, []int{out, in, kernel}, out, in*kernel, o.NoBias)
	return c
}

// Forward is [N,in,L] -> [N,out,L'].
func (c *Conv1d) Forward(x torch.Tensor) torch.Tensor { return x.Conv1d(c.Weight, c.Bias, c.conv) }

// State is weight, bias.
func (c *Conv1d) State(prefix string, visit func(Entry)) {
	weightAndBias(prefix, c.Weight, c.Bias, visit)
}
