package nn

import (
	"fmt"

	"forger/torch"
)

// SelfAttention lets each pixel look at all of a quarter as many: x + gamma*o(attention), where queries theta and keys phi
// have an eighth of the channels, values g half of them, and phi and g are pooled by 2 (SAGAN, Zhang et al. 2019, with the
// sizes of their code and BigGAN's names).
type SelfAttention struct {
	Gamma             torch.Tensor // 0-dim, 0 at first, so that the layer begins as the identity
	theta, phi, g, o  Module
	queries, channels int
}

// NewSelfAttention makes a layer for [N,channels,H,W], H and W even, of four 1x1 convolutions that conv makes: it may wrap
// them, in a spectral normalisation for one. channels is 8 or more.
func NewSelfAttention(s *torch.Scope, channels int, conv func(in, out int) Module) *SelfAttention {
	if channels < 8 {
		panic(&torch.Error{Op: "self_attention", Code: torch.Failed, Msg: fmt.Sprintf("%d channels: a query has an eighth of them: give 8 or more", channels)})
	}
	return &SelfAttention{
		Gamma: s.Zeros().RequireGrad(), queries: channels / 8, channels: channels / 2,
		theta: conv(channels, channels/8), phi: conv(channels, channels/8), g: conv(channels, channels/2), o: conv(channels/2, channels),
	}
}

var halve = torch.Pool{Kernel: [2]int{2, 2}}

// Forward keeps x's shape [N,channels,H,W].
func (a *SelfAttention) Forward(x torch.Tensor) torch.Tensor {
	shape := x.Shape()
	if len(shape) != 4 || shape[2]%2 != 0 || shape[3]%2 != 0 {
		panic(&torch.Error{Op: "self_attention", Code: torch.Failed, Msg: x.String() + ": images [N,C,H,W] of even sides are halved"})
	}
	n, h, w := shape[0], shape[2], shape[3]
	var steps []torch.Tensor
	then := func(t torch.Tensor) torch.Tensor {
		steps = append(steps, t)
		return t
	}
	defer func() { release(steps) }()
	theta := then(then(a.theta.Forward(x)).Reshape(n, a.queries, h*w))
	phi := then(then(then(a.phi.Forward(x)).MaxPool2d(halve)).Reshape(n, a.queries, h*w/4))
	g := then(then(then(a.g.Forward(x)).MaxPool2d(halve)).Reshape(n, a.channels, h*w/4))
	beta := then(then(then(theta.Permute(0, 2, 1)).MatMul(phi)).Softmax(2)) // [N,HW,HW/4]
	seen := then(then(g.MatMul(then(beta.Permute(0, 2, 1)))).Reshape(n, a.channels, h, w))
	return then(then(a.o.Forward(seen)).Mul(a.Gamma)).Add(x)
}

// State is gamma and then theta, phi, g and o.
func (a *SelfAttention) State(prefix string, visit func(Entry)) {
	visit(Entry{Name: join(prefix, "gamma"), Tensor: a.Gamma})
	for i, m := range []Module{a.theta, a.phi, a.g, a.o} {
		m.State(join(prefix, attentionParts[i]), visit)
	}
}

var attentionParts = []string{"theta", "phi", "g", "o"}

// Describe is the convolutions, an operation "pixel_attention" of theta, phi and g, and x + gamma*o.
func (a *SelfAttention) Describe(g *Graph, prefix, x string) string {
	part := func(i int, m Module, of string) string { return g.Describe(m, join(prefix, attentionParts[i]), of) }
	pooled := func(of string) string {
		return g.Add(Node{Op: "max_pool2d", Inputs: []string{of}, Pool: halve.Filled()})
	}
	theta, phi, values := part(0, a.theta, x), pooled(part(1, a.phi, x)), pooled(part(2, a.g, x))
	o := part(3, a.o, g.Add(Node{Op: "pixel_attention", Inputs: []string{theta, phi, values}}))
	return g.Add(Node{Op: "add", Inputs: []string{
		g.Add(Node{Op: "mul", Inputs: []string{o}, Params: []string{join(prefix, "gamma")}}), x,
	}})
}
