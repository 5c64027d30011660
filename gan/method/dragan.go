package method

import "forger/torch"

// dragan is gp around the reals (Kodali et al. 2017, algorithm 1, as its authors' program has it): at y = x + e d, e from U[0,1] for
// each image, d half the standard deviation of the batch times U[0,1] for each number.
var dragan = Penalty{
	Doc: "gradients of length 1 around reals, DRAGAN's (10)", Weight: 10,
	At: func(uniform source, real, _ torch.Tensor) torch.Tensor {
		e := eachOf(uniform, real)
		d := uniform(real.Scope(), real.Shape()...).Mul(varOfBatch(real).Sqrt()).MulScalar(.5)
		return real.Add(d.Mul(e))
	},
	Of: unitLength,
}
