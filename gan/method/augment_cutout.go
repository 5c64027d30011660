package method

import "forger/torch"

// cutoutShare is the side of what is cut out, in sides of the image.
const cutoutShare = .5

// cutout makes a rectangle of int(.5 side + .5) a side 0, whose middle is anywhere in the image.
var cutout = Augmentation{
	Doc: "a rectangle of half the sides cut out", Draws: 2, Neutral: 2,
	Of: func(p places, x, u torch.Tensor) torch.Tensor {
		shape := x.Shape()
		out := cut(p.rows, draw(u, 0), shape[2]).Mul(cut(p.columns, draw(u, 1), shape[3]))
		return x.Mul(out.Affine(-1, 1))
	},
}

// cut is 1 at the places of a side that are cut out, else 0.
func cut(places, u torch.Tensor, side int) torch.Tensor {
	size := int(cutoutShare*float64(side) + .5)
	middle := whole(u.MulScalar(float64(side + 1 - size%2)))
	behind := places.Sub(middle).AddScalar(float64(size / 2)) // pixels behind the rectangle's first
	d := places.Info().DType
	return behind.GeScalar(0).To(d).Mul(behind.LtScalar(float64(size)).To(d))
}
