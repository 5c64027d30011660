package vision

import "math"

// Resizer brings images to one size as torchvision's Resize and CenterCrop do on an 8-bit file: with Pillow's antialiased
// bilinear filter to the smallest size of the same proportions that covers it, which of a square is the shorter side's, then
// the centre. It keeps coefficients and scratch memory between images, so it belongs to one goroutine, and the zero value is
// ready.
type Resizer struct {
	across, down kernels
	scratch      []byte // after the horizontal pass
}

// Fit writes m's centre to dst, uint8 [H,W,C] of that size with m's channels.
func (r *Resizer) Fit(dst []byte, m Image, size Size) {
	r.fit(dst, m, whole(m.Height), whole(m.Width), size)
}

// part is what of an image is to be resized, along one axis.
type part struct {
	first, in int     // the pixels that may be read
	from, to  float64 // what is covered, in pixels from first on
	nominal   int     // how many pixels the file has there, which decides about the shape
}

func whole(n int) part { return part{in: n, to: float64(n), nominal: n} }

// fit resizes a part of m. Only what the crop leaves is computed, which does not change it.
func (r *Resizer) fit(dst []byte, m Image, rows, columns part, size Size) {
	h, w := fitted(rows.nominal, columns.nominal, size)
	c := m.Channels
	horizontal, vertical := r.across.of(columns.span(w, size.Width)), r.down.of(rows.span(h, size.Height))
	// The horizontal pass comes first and gives 8 bits, as in Pillow's ImagingResample.
	first, last := 0, 0
	if n := size.Height; n > 0 {
		first, last = vertical.bounds[0], vertical.bounds[2*n-2]+vertical.bounds[2*n-1]
	}
	r.scratch = grow(r.scratch, (last-first)*size.Width*c)
	if first < last {
		from := ((rows.first+first)*m.Width + columns.first) * c
		to := ((rows.first+last-1)*m.Width + columns.first + columns.in) * c
		across(r.scratch, m.Pix[from:to], m.Width*c, last-first, horizontal, c)
	}
	down(dst, r.scratch, size.Width*c, vertical)
}

func (p part) span(out, size int) span {
	return span{in: p.in, from: p.from, to: p.to, out: out, first: halfEven(out - size), count: size}
}

// fitted is what an image is resized to before the crop, as torchvision rounds it: of a square size the shorter side becomes
// size, the longer int(size*long/short).
func fitted(h, w int, size Size) (int, int) {
	if h*size.Width <= w*size.Height {
		return size.Height, int(float64(size.Height) * float64(w) / float64(h))
	}
	return int(float64(size.Width) * float64(h) / float64(w)), size.Width
}

// halfEven is Python's int(round(n/2)): halves go to the even side.
func halfEven(n int) int { return int(math.RoundToEven(float64(n) / 2)) }

// acrossInGo is across without C.
func acrossInGo(dst, src []byte, stride, rows int, k *kernel, c int) {
	width := k.span.count * c
	for y := range rows {
		out, in := dst[y*width:][:width], src[y*stride:]
		switch {
		case k.span.identity():
			copy(out, in[k.span.first*c:])
		case c == 1:
			horizontalGray(out, in, k)
		default:
			horizontalRGB(out, in, k)
		}
	}
}

// downInGo is down without C.
func downInGo(dst, src []byte, stride int, k *kernel) {
	for y := range k.span.count {
		at, n := k.bounds[2*y]-k.bounds[0], k.bounds[2*y+1]
		vertical(dst[y*stride:][:stride], src[at*stride:], k.weights[y*k.ksize:][:n])
	}
}

func horizontalGray(dst, src []byte, k *kernel) {
	for o := range dst {
		first, n := k.bounds[2*o], k.bounds[2*o+1]
		sum := int32(half)
		in := src[first:][:n]
		for i, w := range k.weights[o*k.ksize:][:n] {
			sum += int32(in[i]) * w
		}
		dst[o] = clamp(sum >> precision)
	}
}

func horizontalRGB(dst, src []byte, k *kernel) {
	for o := range len(dst) / 3 {
		first, n := k.bounds[2*o], k.bounds[2*o+1]
		red, green, blue := int32(half), int32(half), int32(half)
		in := src[3*first:][:3*n]
		for _, w := range k.weights[o*k.ksize:][:n] {
			if len(in) < 3 {
				break
			}
			red += int32(in[0]) * w
			green += int32(in[1]) * w
			blue += int32(in[2]) * w
			in = in[3:]
		}
		dst[3*o], dst[3*o+1], dst[3*o+2] = clamp(red>>precision), clamp(green>>precision), clamp(blue>>precision)
	}
}

// half rounds the sums.
const half = 1 << (precision - 1)

// vertical sums the rows of src, each as long as dst. Four columns at a time share the walk over the weights.
func vertical(dst, src []byte, weights []int32) {
	stride := len(dst)
	x := 0
	for ; x+4 <= stride; x += 4 {
		a, b, c, d := int32(half), int32(half), int32(half), int32(half)
		at := x
		for _, w := range weights {
			in := src[at : at+4 : at+4]
			a += int32(in[0]) * w
			b += int32(in[1]) * w
			c += int32(in[2]) * w
			d += int32(in[3]) * w
			at += stride
		}
		out := dst[x : x+4 : x+4]
		out[0], out[1], out[2], out[3] = clamp(a>>precision), clamp(b>>precision), clamp(c>>precision), clamp(d>>precision)
	}
	for ; x < stride; x++ {
		sum := int32(half)
		for i, w := range weights {
			sum += int32(src[x+i*stride]) * w
		}
		dst[x] = clamp(sum >> precision)
	}
}
