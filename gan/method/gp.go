package method

import "forger/torch"

// gp is the two-sided gradient penalty of Gulrajani et al. 2017, equation 3: E(|dD(y)/dy|-1)^2 at y = e x + (1-e) G(z), e from
// U[0,1] for each pair.
var gp = Penalty{
	Doc: "gradients of length 1 between reals and fakes, WGAN-GP's (10)", Weight: 10,
	At: func(uniform source, real, fake torch.Tensor) torch.Tensor {
		e := eachOf(uniform, real)
		return real.Mul(e).Add(fake.Mul(e.Affine(-1, 1)))
	},
	Of: unitLength,
}

// eachOf draws a number from U[0,1] for each of the samples x, to be broadcast over it.
func eachOf(uniform source, x torch.Tensor) torch.Tensor {
	shape := x.Shape()
	for i := range shape[1:] {
		shape[i+1] = 1
	}
	return uniform(x.Scope(), shape...)
}

// unitLength is E(|gradient|-1)^2.
func unitLength(gradient torch.Tensor) torch.Tensor {
	off := gradient.Norm(2, torch.Reduction{Dims: []int{1}}).AddScalar(-1)
	return off.Mul(off).Mean()
}
