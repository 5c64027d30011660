package data

import "forger/vision"

// fitter brings decoded images to a shape, as image files are brought to it. It belongs to one goroutine.
type fitter struct {
	resizer vision.Resizer
	gray    []byte
}

// fit writes m to dst in the shape's size and channels. RGB becomes gray before the resize, gray becomes RGB after it.
func (f *fitter) fit(dst []byte, m vision.Image, shape Shape) {
	switch {
	case shape == Shape{Height: m.Height, Width: m.Width, Channels: m.Channels}: // which a resize would not change
		copy(dst, m.Pix)
	case m.Channels == shape.Channels:
		f.resizer.Fit(dst, m, shape.Size())
	case m.Channels == 1:
		plane := dst[len(dst)/3*2:] // the gray image at the end, spread to the front
		f.resizer.Fit(plane, m, shape.Size())
		spread(dst, plane)
	default:
		f.gray = room(f.gray, m.Height*m.Width)
		for i := range f.gray {
			f.gray[i] = vision.Luma(m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2])
		}
		f.resizer.Fit(dst, vision.Image{Pix: f.gray, Height: m.Height, Width: m.Width, Channels: 1}, shape.Size())
	}
}

// spread writes each byte of gray, which may be the last third of dst, three times.
func spread(dst, gray []byte) {
	for i, v := range gray {
		dst[3*i], dst[3*i+1], dst[3*i+2] = v, v, v
	}
}
