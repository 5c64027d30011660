package method

import "forger/torch"

// hinge is Miyato et al. 2018, equations 16 and 17: D minimises E max(0, 1-D(x)) + E max(0, 1+D(G(z))), and G -E D(G(z)).
var hinge = Objective{
	Doc:       "D pushes raw scores beyond 1 and -1 and no further; SNGAN's",
	Real:      func(l torch.Tensor, _ float64) torch.Tensor { return l.Affine(-1, 1).ReLU().Mean() },
	Fake:      func(l torch.Tensor) torch.Tensor { return l.AddScalar(1).ReLU().Mean() },
	Generator: func(l, _ torch.Tensor) torch.Tensor { return l.Mean().Neg() },
}
