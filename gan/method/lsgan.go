package method

import "forger/torch"

// lsgan is Mao et al. 2017, equation 9 with the targets 0 and 1: D minimises E(D(x)-1)^2/2 + E D(G(z))^2/2, and G
// E(D(G(z))-1)^2/2.
var lsgan = Objective{
	Doc: "half squared errors of the raw score to the targets 1 and 0", Labels: true,
	Real:      squared,
	Fake:      func(l torch.Tensor) torch.Tensor { return squared(l, 0) },
	Generator: func(l, _ torch.Tensor) torch.Tensor { return squared(l, 1) },
}

func squared(l torch.Tensor, target float64) torch.Tensor {
	off := l.AddScalar(-target)
	return off.Mul(off).Mean().MulScalar(.5)
}
