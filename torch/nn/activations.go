package nn

import "forger/torch"

// SiLU is x*sigmoid(x). PyTorch: nn.SiLU.
func SiLU() Activation { return Activation{op: "silu", made: torch.Tensor.SiLU} }

// GELU is x*P(X <= x) of a normal X; tanh asks for the approximation by that function. PyTorch: nn.GELU.
func GELU(tanh bool) Activation {
	return Activation{op: "gelu", tanh: tanh, made: func(x torch.Tensor) torch.Tensor { return x.GELU(tanh) }}
}

// ELU is x where positive, alpha*(e^x-1) elsewhere. PyTorch: nn.ELU.
func ELU(alpha float64) Activation {
	return Activation{op: "elu", slope: alpha, made: func(x torch.Tensor) torch.Tensor { return x.ELU(alpha) }}
}

// Softplus is log(1+e^x). PyTorch: nn.Softplus.
func Softplus() Activation { return Activation{op: "softplus", made: torch.Tensor.Softplus} }

// Softmax is e^x divided by its sum along dim. PyTorch: nn.Softmax.
func Softmax(dim int) Activation {
	return Activation{op: "softmax", dims: []int{dim}, made: func(x torch.Tensor) torch.Tensor { return x.Softmax(dim) }}
}

// LogSoftmax is the logarithm of Softmax. PyTorch: nn.LogSoftmax.
func LogSoftmax(dim int) Activation {
	return Activation{op: "log_softmax", dims: []int{dim}, made: func(x torch.Tensor) torch.Tensor { return x.LogSoftmax(dim) }}
}

// PReLU is x where positive, weight*x elsewhere, with a weight for all channels or one each. PyTorch: nn.PReLU.
type PReLU struct{ Weight torch.Tensor }

// NewPReLU makes a layer for [N,C,...]: channels is 1 or C, and init, PyTorch's is .25, what the weights begin as.
func NewPReLU(s *torch.Scope, channels int, init float64) *PReLU {
	return &PReLU{s.Full(init, channels).RequireGrad()}
}

// Forward keeps x's shape.
func (p *PReLU) Forward(x torch.Tensor) torch.Tensor { return x.PReLU(p.Weight) }

// State is weight.
func (p *PReLU) State(prefix string, visit func(Entry)) {
	visit(Entry{Name: join(prefix, "weight"), Tensor: p.Weight})
}

// Describe is prelu(x, weight).
func (p *PReLU) Describe(g *Graph, prefix, x string) string {
	return g.Add(Node{Op: "prelu", Inputs: []string{x}, Params: []string{join(prefix, "weight")}})
}
