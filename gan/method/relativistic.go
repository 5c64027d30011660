package method

import "forger/torch"

// relativistic is the pairing of Jolicoeur-Martineau 2018 that R3GAN takes (Huang et al. 2024, equation 2): D minimises
// E softplus(-(D(x)-D(G(z)))), and G the same with the two exchanged. G's reals are those that D has just learnt from, where R3GAN
// draws others: each of the k updates draws a batch of its own, and the generator none.
var relativistic = Objective{
	Doc:       "D tells which of a pair is real, by the difference of raw scores; R3GAN's",
	Pair:      func(real, fake torch.Tensor) torch.Tensor { return realBCE(real.Sub(fake), 1) },
	Generator: func(fake, real torch.Tensor) torch.Tensor { return realBCE(fake.Sub(real), 1) },
}
