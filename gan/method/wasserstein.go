package method

import "forger/torch"

// wasserstein is the neural distance of Arjovsky et al. 2017, equation 2: D maximises E D(x) - E D(G(z)) over what functions it is
// held to, and G minimises it.
var wasserstein = Objective{
	Doc:       "the difference of the mean raw scores; D must be held by a penalty, clipping or spectral normalisation",
	Real:      func(l torch.Tensor, _ float64) torch.Tensor { return l.Mean().Neg() },
	Fake:      torch.Tensor.Mean,
	Generator: func(l, _ torch.Tensor) torch.Tensor { return l.Mean().Neg() },
}
