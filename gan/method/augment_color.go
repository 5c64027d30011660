package method

import (
	"forger/torch"
	"forger/vision"
)

// color is brightness x + (u-1/2), then saturation (x-m) 2u + m with m the mean of a pixel's channels, then contrast
// (x-m) (u+1/2) + m with m the mean of the image. The three are one affine map: saturation leaves the image's mean as it is.
var color = Augmentation{
	Doc: "brightness, saturation and contrast", Draws: 3, Neutral: .5,
	Of: func(b *torch.Bend, _ vision.Size, u torch.Tensor) {
		brightness, saturation, contrast := draw(u, 0).AddScalar(-.5), draw(u, 1).MulScalar(2), draw(u, 2).AddScalar(.5)
		own := saturation.Mul(contrast)
		b.Color = torch.Cat(1, own, contrast.Sub(own), contrast.Affine(-1, 1), brightness)
	},
}
