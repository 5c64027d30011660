package vision

import "image"

// ycc is how a codec's own library turns luma and chroma into RGB. Go's image.YCbCr repeats a chroma sample over the
// pixels that share it and knows one conversion; libjpeg and libwebp smooth the chroma, each with its own rounding.
type ycc struct {
	upsample func(dst, near, far []byte, lower bool)
	// rgb converts a row in which every pixel has its chroma.
	rgb func(dst, y, cb, cr []byte)
}

// fromYCbCr writes m as RGB.
func (r *Reader) fromYCbCr(out Image, m *image.YCbCr, smooth *ycc) {
	across, down := subsampling(m.SubsampleRatio)
	w, cw, ch := out.Width, (out.Width+across-1)/across, (out.Height+down-1)/down
	r.other = grow(r.other, 2*(across*cw))
	cb, cr := r.other[:across*cw], r.other[across*cw:]
	for y := range out.Height {
		near := y / down
		far := near
		if down == 2 { // the row of chroma on the other side of this row of luma
			far = min(max(near-1+y%2*2, 0), ch-1)
		}
		up := upsampler(across, down, cw, smooth)
		nearAt, farAt := m.COffset(m.Rect.Min.X, m.Rect.Min.Y+near*down), m.COffset(m.Rect.Min.X, m.Rect.Min.Y+far*down)
		up(cb, m.Cb[nearAt:nearAt+cw], m.Cb[farAt:farAt+cw], y%2 == 1)
		up(cr, m.Cr[nearAt:nearAt+cw], m.Cr[farAt:farAt+cw], y%2 == 1)
		luma := m.Y[m.YOffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
		smooth.rgb(out.Pix[3*w*y:3*w*(y+1)], luma[:w], cb[:w], cr[:w])
	}
}

func subsampling(ratio image.YCbCrSubsampleRatio) (across, down int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

func upsampler(across, down, width int, smooth *ycc) func(dst, near, far []byte, lower bool) {
	switch {
	case across == 1 && down == 1:
		return func(dst, near, _ []byte, _ bool) { copy(dst, near) }
	case across == 1 && down == 2:
		return between
	case across == 2 && down == 2 && (smooth != &jfif || width > 2):
		return smooth.upsample
	case across == 2 && down == 1 && width > 2:
		return alongRow
	}
	return func(dst, near, _ []byte, _ bool) { // libjpeg smooths neither narrow pictures nor chroma this coarse
		for x := range dst {
			dst[x] = near[x/across]
		}
	}
}

// between is libjpeg's h1v2_fancy_upsample.
func between(dst, near, far []byte, lower bool) {
	bias := 1
	if lower {
		bias = 2
	}
	for x := range dst {
		dst[x] = byte((3*int(near[x]) + int(far[x]) + bias) >> 2)
	}
}

// alongRow is libjpeg's h2v1_fancy_upsample.
func alongRow(dst, near, _ []byte, _ bool) {
	last := len(near) - 1
	for x, v := range near {
		left, right := near[max(x-1, 0)], near[min(x+1, last)]
		dst[2*x] = byte((3*int(v) + int(left) + 1) >> 2)
		dst[2*x+1] = byte((3*int(v) + int(right) + 2) >> 2)
	}
}

// jfif is libjpeg: h2v2_fancy_upsample, and ycc_rgb_convert in 16-bit fixed point.
var jfif = ycc{
	upsample: func(dst, near, far []byte, _ bool) {
		sum := func(x int) int { return 3*int(near[x]) + int(far[x]) }
		last := len(near) - 1
		left, here := sum(0), sum(0)
		for x := range near {
			right := sum(min(x+1, last))
			dst[2*x], dst[2*x+1] = byte((3*here+left+8)>>4), byte((3*here+right+7)>>4)
			left, here = here, right
		}
	},
	rgb: func(dst, luma, cb, cr []byte) {
		for x, y := range luma {
			y, b, r := int32(y), int32(cb[x])-128, int32(cr[x])-128
			dst[3*x] = clamp(y + (91881*r+1<<15)>>16)
			dst[3*x+1] = clamp(y + (-22554*b-46802*r+1<<15)>>16)
			dst[3*x+2] = clamp(y + (116130*b+1<<15)>>16)
		}
	},
}

// vp8 is libwebp: its fancy upsampling, and luma from 16 to 235 in 14-bit fixed point.
var vp8 = ycc{
	upsample: func(dst, near, far []byte, _ bool) {
		edge := func(x int) byte { return byte((3*int(near[x]) + int(far[x]) + 2) >> 2) }
		last := len(near) - 1
		dst[0], dst[len(dst)-1] = edge(0), edge(last)
		for x := 1; x <= last; x++ {
			a, b, c, d := int(near[x-1]), int(near[x]), int(far[x-1]), int(far[x])
			dst[2*x-1] = byte(((a+3*b+3*c+d+8)>>3 + a) >> 1)
			dst[2*x] = byte(((3*a+b+c+3*d+8)>>3 + b) >> 1)
		}
	},
	rgb: func(dst, luma, cb, cr []byte) {
		for x, y := range luma {
			y, u, v := int32(y)*19077>>8, int32(cb[x]), int32(cr[x])
			dst[3*x] = clamp((y + v*26149>>8 - 14234) >> 6)
			dst[3*x+1] = clamp((y - u*6419>>8 - v*13320>>8 + 8708) >> 6)
			dst[3*x+2] = clamp((y + u*33050>>8 - 17685) >> 6)
		}
	},
}

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }
