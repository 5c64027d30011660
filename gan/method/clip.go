package method

import "forger/torch"

// clip cuts every parameter of the discriminator to [-c, c] after each of its updates (Arjovsky et al. 2017, algorithm 1).
var clip = Penalty{
	Doc: "weight clipping to [-c, c], WGAN's (.01)", Weight: .01,
	After: func(s *torch.Scope, bound float64, params []torch.Tensor) { s.ClipInPlace(params, bound) },
}
