package method

import "forger/torch"

// translationShare is the longest way of an image, in sides.
const translationShare = .125

// translation moves an image by whole pixels, at most int(.125 side + .5) along each side; what comes in is 0.
var translation = Augmentation{
	Doc: "moved by up to an eighth of a side", Draws: 2, Neutral: .5,
	Of: func(p places, x, u torch.Tensor) torch.Tensor {
		shape := x.Shape()
		n, c, h, w := shape[0], shape[1], shape[2], shape[3]
		rows, columns := from(p.rows, draw(u, 0), h), from(p.columns, draw(u, 1), w)
		index := rows.MulScalar(float64(w + 2)).Add(columns) // [N,1,H,W], in the image with its border
		wide := x.Pad(torch.ZeroBorder, 1, 1, 1, 1).Reshape(n, c, (h+2)*(w+2))
		taken := wide.Gather(2, index.To(torch.Int64).Reshape(n, 1, h*w).Expand(n, c, h*w))
		return taken.Reshape(shape...).ToFormat(x.Scope().Format())
	},
}

// from is the place, counted in the side with a border of one, that comes to each place of a side.
func from(places, u torch.Tensor, side int) torch.Tensor {
	most := int(translationShare*float64(side) + .5)
	way := whole(u.MulScalar(float64(2*most + 1))).AddScalar(float64(1 - most))
	return places.Add(way).Clamp(0, float64(side+1))
}

// whole is what is left of numbers of 0 and more without their fraction.
func whole(x torch.Tensor) torch.Tensor { return x.To(torch.Int64).To(x.Info().DType) }
