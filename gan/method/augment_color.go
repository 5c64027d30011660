package method

import "forger/torch"

// color is brightness x + (u-1/2), then saturation (x-m) 2u + m with m the mean of a pixel's channels, then contrast
// (x-m) (u+1/2) + m with m the mean of the image. The three are one affine map, which takes fewer passes over the images.
var color = Augmentation{
	Doc: "brightness, saturation and contrast", Draws: 3, Neutral: .5,
	Of: func(_ places, x, u torch.Tensor) torch.Tensor {
		brightness, saturation, contrast := draw(u, 0).AddScalar(-.5), draw(u, 1).MulScalar(2), draw(u, 2).AddScalar(.5)
		pixel := x.MeanOver(torch.Reduction{Dims: []int{1}, Keep: true})
		whole := pixel.MeanOver(torch.Reduction{Dims: []int{2, 3}, Keep: true})
		shift := brightness.Add(contrast.Affine(-1, 1).Mul(whole))
		return x.Mul(saturation.Mul(contrast)).Add(pixel.Mul(saturation.Affine(-1, 1).Mul(contrast)).Add(shift))
	},
}
