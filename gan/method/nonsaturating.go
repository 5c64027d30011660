package method

import "forger/torch"

// nonsaturating is minimax's discriminator, and a generator that maximises E log D(G(z)), whose gradient does not vanish where D
// is sure (Goodfellow et al. 2014, section 3). It is the official DCGAN's.
var nonsaturating = Objective{
	Doc: "-log D(G(z)) for the generator; the official DCGAN's", Probabilities: true, Value: true, Labels: true,
	Real: realBCE, Fake: fakeBCE,
	Generator: func(l, _ torch.Tensor) torch.Tensor { return realBCE(l, 1) },
}
