package method

import "forger/torch"

// r1 is E|dD(x)/dx|^2 / 2 at the reals (Mescheder et al. 2018, equation 9); its weight is their gamma.
var r1 = Penalty{Doc: "gradients of length 0 on reals, half the square (10)", Weight: 10, On: atReal, Of: halfSquare}

// r2 is the same at the fakes (equation 10); R3GAN takes both.
var r2 = Penalty{Doc: "the same on fakes (10)", Weight: 10, On: atFake, Of: halfSquare}

// halfSquare is E|gradient|^2 / 2.
func halfSquare(gradient torch.Tensor) torch.Tensor {
	return gradient.Mul(gradient).SumOver(torch.Reduction{Dims: []int{1}}).Mean().MulScalar(.5)
}

// autoGamma is StyleGAN2-ADA's weight of r1 for images of so many pixels and a batch (Karras et al. 2020, appendix C).
func autoGamma(pixels, batch int) float64 { return .0002 * float64(pixels) / float64(batch) }
