package vision

import (
	"image"
	"image/color"
)

// Luma is Pillow's conversion from RGB to "L" (ITU-R 601-2, in 16-bit fixed point).
func Luma(r, g, b byte) byte {
	return byte((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 0x8000) >> 16)
}

// inGray turns RGB into gray, in place.
func inGray(m Image) Image {
	n := m.Height * m.Width
	for i := range n {
		m.Pix[i] = Luma(m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2])
	}
	return Image{Pix: m.Pix[:n], Height: m.Height, Width: m.Width, Channels: 1}
}

// tripled writes gray as RGB.
func tripled(rgb, gray []byte) {
	for i, v := range gray {
		rgb[3*i], rgb[3*i+1], rgb[3*i+2] = v, v, v
	}
}

// over lays the colour c, with alpha a, over the background, rounding as Pillow's alpha_composite does.
func over(dst []byte, c [3]byte, a byte, background *[3]byte) {
	for k := range 3 {
		dst[k] = byte((uint32(c[k])*uint32(a) + uint32(background[k])*(255-uint32(a)) + 127) / 255)
	}
}

// ink is Pillow's conversion of CMYK to RGB.
func ink(dst []byte, c, m, y, k byte) {
	paper := 255 - uint32(k)
	for i, v := range [3]byte{c, m, y} {
		t := uint32(v)*paper + 128
		dst[i] = byte(paper - (t>>8+t)>>8)
	}
}

// blank gives r's memory for decoded pixels.
func (r *Reader) blank(height, width, channels int) picture {
	r.decoded = grow(r.decoded, height*width*channels)
	return picture{Image{r.decoded, height, width, channels}, 1, height, width, 1}
}

// flat turns what a decoder of the standard library's kind made into pixels on a canvas, of which m may cover a part.
func (r *Reader) flat(m image.Image, canvas image.Rectangle) picture {
	if gray, ok := m.(*image.Gray); ok && gray.Rect == canvas {
		p := r.blank(canvas.Dy(), canvas.Dx(), 1)
		for y := range p.Height {
			copy(p.Pix[y*p.Width:(y+1)*p.Width], gray.Pix[y*gray.Stride:])
		}
		return p
	}
	p := r.blank(canvas.Dy(), canvas.Dx(), 3)
	covered := m.Bounds().Intersect(canvas)
	if covered != canvas {
		for i := range p.Height * p.Width {
			copy(p.Pix[3*i:], r.options.Background[:])
		}
	}
	row := r.rowOf(m)
	for y := covered.Min.Y; y < covered.Max.Y; y++ {
		at := ((y-canvas.Min.Y)*p.Width + covered.Min.X - canvas.Min.X) * 3
		row(p.Pix[at:at+3*covered.Dx()], covered.Min.X, y)
	}
	return p
}

// rowOf gives what reads a row of m from (x,y) on as RGB over the background. Samples of 16 bits keep their upper byte.
func (r *Reader) rowOf(m image.Image) func(dst []byte, x, y int) {
	switch m := m.(type) {
	case *image.NRGBA:
		return r.samples(m.Pix, m.PixOffset, 4, 1)
	case *image.RGBA: // only opaque ones: the decoders give what is transparent as NRGBA
		return r.samples(m.Pix, m.PixOffset, 4, 1)
	case *image.NRGBA64:
		return r.samples(m.Pix, m.PixOffset, 8, 2)
	case *image.RGBA64:
		return r.samples(m.Pix, m.PixOffset, 8, 2)
	case *image.CMYK:
		return func(dst []byte, x, y int) {
			for at := m.PixOffset(x, y); len(dst) > 0; dst, at = dst[3:], at+4 {
				ink(dst, m.Pix[at], m.Pix[at+1], m.Pix[at+2], m.Pix[at+3])
			}
		}
	case *image.Paletted:
		table := r.paletteOver(m.Palette)
		return func(dst []byte, x, y int) {
			for at := m.PixOffset(x, y); len(dst) > 0; dst, at = dst[3:], at+1 {
				copy(dst, table[m.Pix[at]][:])
			}
		}
	}
	return func(dst []byte, x, y int) {
		for ; len(dst) > 0; dst, x = dst[3:], x+1 {
			n := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			over(dst, [3]byte{n.R, n.G, n.B}, n.A, r.options.Background)
		}
	}
}

// samples reads red, green, blue, alpha; a pixel is step bytes apart, its samples are size bytes apart.
func (r *Reader) samples(pix []byte, offset func(x, y int) int, step, size int) func(dst []byte, x, y int) {
	return func(dst []byte, x, y int) {
		for at := offset(x, y); len(dst) > 0; dst, at = dst[3:], at+step {
			over(dst, [3]byte{pix[at], pix[at+size], pix[at+2*size]}, pix[at+3*size], r.options.Background)
		}
	}
}

func (r *Reader) paletteOver(p color.Palette) (table [256][3]byte) {
	for i, c := range p {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		over(table[i][:], [3]byte{n.R, n.G, n.B}, n.A, r.options.Background)
	}
	return table
}
