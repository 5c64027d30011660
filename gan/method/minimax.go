package method

import "forger/torch"

// minimax is the value function of Goodfellow et al. 2014, equation 1, as written: D maximises
// V = E log D(x) + E log(1-D(G(z))), and G minimises it. With D = sigmoid(l), -log D = softplus(-l) and -log(1-D) = softplus(l).
var minimax = Objective{
	Doc: "log(1-D(G(z))), the value function of the 2014 paper", Probabilities: true, Value: true, Labels: true,
	Real: realBCE, Fake: fakeBCE,
	Generator: func(l, _ torch.Tensor) torch.Tensor { return l.Softplus().Mean().Neg() },
}

// realBCE is -E[y log D + (1-y) log(1-D)], y the label; softplus(l) = softplus(-l) + l.
func realBCE(l torch.Tensor, label float64) torch.Tensor {
	loss := l.Neg().Softplus()
	if label != 1 {
		loss = loss.Add(l.MulScalar(1 - label))
	}
	return loss.Mean()
}

func fakeBCE(l torch.Tensor) torch.Tensor { return l.Softplus().Mean() }
