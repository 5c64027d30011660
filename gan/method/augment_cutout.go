package method

import (
	"forger/torch"
	"forger/vision"
)

// cutoutShare is the side of what is cut out, in sides of the image.
const cutoutShare = .5

// cutout makes a rectangle of int(.5 side + .5) a side 0, whose middle is anywhere in the image.
var cutout = Augmentation{
	Doc: "a rectangle of half the sides cut out", Draws: 2, Neutral: 2,
	Of: func(b *torch.Bend, size vision.Size, u torch.Tensor) {
		b.Height, b.Width = cutoutSide(size.Height), cutoutSide(size.Width)
		b.Cut = torch.Cat(1, cutFrom(size.Height, draw(u, 0)), cutFrom(size.Width, draw(u, 1)))
	},
}

func cutoutSide(side int) int { return int(cutoutShare*float64(side) + .5) }

// cutFrom is where the rectangle begins along a side.
func cutFrom(side int, u torch.Tensor) torch.Tensor {
	size := cutoutSide(side)
	return oneOf(side+1-size%2, u).AddScalar(float64(-(size / 2)))
}
