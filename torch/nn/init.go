package nn

import (
	"math"

	"forger/torch"
)

// This file holds the initialisations of torch.nn.init. A weight is [out,in,...], as PyTorch counts its fans.

// fans are the numbers that go into an output, and that an input goes into.
func fans(weight torch.Tensor, op string) (in, out float64) {
	shape := weight.Shape()
	if len(shape) < 2 {
		panic(&torch.Error{Op: op, Code: torch.Failed, Msg: weight.String() + ": a weight has two dims or more"})
	}
	field := 1
	for _, n := range shape[2:] {
		field *= n
	}
	return float64(shape[1] * field), float64(shape[0] * field)
}

// LeakyGain is the gain of a rectifier of that slope, where 0 is ReLU; the identity's is 1. PyTorch:
// nn.init.calculate_gain("leaky_relu", slope).
func LeakyGain(slope float64) float64 { return math.Sqrt(2 / (1 + slope*slope)) }

// XavierUniform draws from U(-a,a), a = gain*sqrt(6/(in+out)). PyTorch: nn.init.xavier_uniform_ (Glorot and Bengio 2010).
func XavierUniform(weight torch.Tensor, g *torch.Generator, gain float64) {
	in, out := fans(weight, "xavier_uniform_")
	a := math.Sqrt(3) * gain * math.Sqrt(2/(in+out))
	weight.Uniform(g, -a, a)
}

// XavierNormal draws from N(0,std^2), std = gain*sqrt(2/(in+out)). PyTorch: nn.init.xavier_normal_.
func XavierNormal(weight torch.Tensor, g *torch.Generator, gain float64) {
	in, out := fans(weight, "xavier_normal_")
	weight.Normal(g, 0, gain*math.Sqrt(2/(in+out)))
}

// KaimingUniform draws from U(-a,a), a = gain*sqrt(3/in). PyTorch: nn.init.kaiming_uniform_ (He et al. 2015).
func KaimingUniform(weight torch.Tensor, g *torch.Generator, gain float64) {
	in, _ := fans(weight, "kaiming_uniform_")
	a := math.Sqrt(3) * gain / math.Sqrt(in)
	weight.Uniform(g, -a, a)
}

// KaimingNormal draws from N(0,std^2), std = gain/sqrt(in). PyTorch: nn.init.kaiming_normal_.
func KaimingNormal(weight torch.Tensor, g *torch.Generator, gain float64) {
	in, _ := fans(weight, "kaiming_normal_")
	weight.Normal(g, 0, gain/math.Sqrt(in))
}
