package nn

import "forger/torch"

// NormOptions holds what the normalisations take by keyword; the zero value is PyTorch's default.
type NormOptions struct {
	Eps      float64 // 0: 1e-5
	NoAffine bool    // no weight and bias. PyTorch: affine=False
	Momentum float64 // of BatchNorm2d alone: the share of a new batch in the running statistics; 0: .1
}

func (o NormOptions) eps() float64 {
	if o.Eps == 0 {
		return 1e-5
	}
	return o.Eps
}

// NewBatchNorm2dWith makes a BatchNorm2d for [N,channels,H,W] by other numbers than PyTorch's defaults.
func NewBatchNorm2dWith(s *torch.Scope, channels int, o NormOptions) *BatchNorm2d {
	if o.Momentum == 0 {
		o.Momentum = .1
	}
	b := &BatchNorm2d{norm: torch.Norm{
		Mean: s.Zeros(channels), Var: s.Ones(channels), Tracked: s.FullOf(torch.Int64, 0), Momentum: o.Momentum, Eps: o.eps(),
	}}
	b.norm.Weight, b.norm.Bias = scaleAndShift(s, o, channels)
	return b
}

// scaleAndShift are ones and zeros to train, or zero Tensors where there are none.
func scaleAndShift(s *torch.Scope, o NormOptions, shape ...int) (weight, bias torch.Tensor) {
	if o.NoAffine {
		return weight, bias
	}
	return s.Ones(shape...).RequireGrad(), s.Zeros(shape...).RequireGrad()
}

// affine are the state of a normalisation without running statistics.
type affine struct {
	weight, bias torch.Tensor // zero Tensors: none
	eps          float64
}

func newAffine(s *torch.Scope, o NormOptions, shape ...int) affine {
	a := affine{eps: o.eps()}
	a.weight, a.bias = scaleAndShift(s, o, shape...)
	return a
}

// State is weight, bias.
func (a affine) State(prefix string, visit func(Entry)) {
	weightAndBias(prefix, a.weight, a.bias, visit)
}

// node is an operation on x with weight and bias.
func (a affine) node(op, prefix, x string) Node {
	n := Node{Op: op, Inputs: []string{x}, Params: []string{"", ""}, Eps: a.eps}
	if a.weight.Valid() {
		n.Params = []string{join(prefix, "weight"), join(prefix, "bias")}
	}
	return n
}

// LayerNorm normalises the last dims of its input. PyTorch: nn.LayerNorm.
type LayerNorm struct {
	affine
	shape []int
}

// NewLayerNorm makes a layer for [...,shape].
func NewLayerNorm(s *torch.Scope, shape []int, o NormOptions) *LayerNorm {
	return &LayerNorm{newAffine(s, o, shape...), shape}
}

// Forward keeps x's shape.
func (l *LayerNorm) Forward(x torch.Tensor) torch.Tensor {
	return x.LayerNorm(l.shape, l.weight, l.bias, l.eps)
}

// Describe is layer_norm(x, shape, weight, bias).
func (l *LayerNorm) Describe(g *Graph, prefix, x string) string {
	n := l.node("layer_norm", prefix, x)
	n.Shape = l.shape
	return g.Add(n)
}

// GroupNorm normalises by sample and group of channels. PyTorch: nn.GroupNorm.
type GroupNorm struct {
	affine
	groups int
}

// NewGroupNorm makes a layer for [N,channels,...].
func NewGroupNorm(s *torch.Scope, groups, channels int, o NormOptions) *GroupNorm {
	return &GroupNorm{newAffine(s, o, channels), groups}
}

// Forward keeps x's shape.
func (l *GroupNorm) Forward(x torch.Tensor) torch.Tensor {
	return x.GroupNorm(l.groups, l.weight, l.bias, l.eps)
}

// Describe is group_norm(x, groups, weight, bias).
func (l *GroupNorm) Describe(g *Graph, prefix, x string) string {
	n := l.node("group_norm", prefix, x)
	n.Factor = l.groups
	return g.Add(n)
}

// InstanceNorm2d normalises by sample and channel. PyTorch: nn.InstanceNorm2d, whose weight and bias are off by default:
// NoAffine says so here.
type InstanceNorm2d struct{ affine }

// NewInstanceNorm2d makes a layer for [N,channels,H,W].
func NewInstanceNorm2d(s *torch.Scope, channels int, o NormOptions) *InstanceNorm2d {
	return &InstanceNorm2d{newAffine(s, o, channels)}
}

// Forward keeps x's shape.
func (l *InstanceNorm2d) Forward(x torch.Tensor) torch.Tensor {
	return x.InstanceNorm(l.weight, l.bias, l.eps)
}

// Describe is instance_norm(x, weight, bias).
func (l *InstanceNorm2d) Describe(g *Graph, prefix, x string) string {
	return g.Add(l.node("instance_norm", prefix, x))
}
