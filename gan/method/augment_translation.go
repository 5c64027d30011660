package method

import (
	"forger/torch"
	"forger/vision"
)

// translationShare is the longest way of an image, in sides.
const translationShare = .125

// translation moves an image by whole pixels, at most int(.125 side + .5) along each side; what comes in is 0.
var translation = Augmentation{
	Doc: "moved by up to an eighth of a side", Draws: 2, Neutral: .5,
	Of: func(b *torch.Bend, size vision.Size, u torch.Tensor) {
		b.Move = torch.Cat(1, way(size.Height, draw(u, 0)), way(size.Width, draw(u, 1)))
	},
}

// way is how far it goes along a side.
func way(side int, u torch.Tensor) torch.Tensor {
	most := int(translationShare*float64(side) + .5)
	return oneOf(2*most+1, u).AddScalar(float64(-most))
}
