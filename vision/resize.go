package vision

import "math"

// Resizer brings images to squares as torchvision's Resize(size) and CenterCrop(size) do on an 8-bit file: the shorter
// side to size with Pillow's antialiased bilinear filter, then the centre. It keeps coefficients and scratch memory
// between images, so it belongs to one goroutine, and the zero value is ready.
type Resizer struct {
	kernels map[[2]int]*kernel
	scratch []byte // after the horizontal pass
	resized []byte
}

// kernel is one axis of a resize, in Pillow's fixed point (Resample.c).
type kernel struct {
	bounds  []int   // for each output: first input, number of inputs
	weights []int32 // for each output: ksize weights
	ksize   int
}

// precision is Pillow's PRECISION_BITS for 8-bit channels: sums of products keep 2 bits of head room.
const precision = 32 - 8 - 2

// bilinear is Pillow's precompute_coeffs with the triangle filter, widened by the scale when shrinking, then
// normalize_coeffs_8bpc.
func bilinear(in, out int) *kernel {
	scale := float64(in) / float64(out)
	filter := math.Max(scale, 1)
	support := filter // the triangle reaches one (scaled) pixel to either side
	ksize := int(math.Ceil(support))*2 + 1
	k := &kernel{bounds: make([]int, 2*out), weights: make([]int32, ksize*out), ksize: ksize}
	w := make([]float64, ksize)
	for o := range out {
		center := (float64(o) + .5) * scale
		first := max(int(center-support+.5), 0)
		last := min(int(center+support+.5), in)
		sum := 0.0
		for i := range last - first {
			w[i] = math.Max(0, 1-math.Abs((float64(i+first)-center+.5)/filter))
			sum += w[i]
		}
		for i := range last - first {
			v := w[i]
			if sum != 0 {
				v /= sum
			}
			// All weights of this filter are positive, so rounding is by adding a half.
			k.weights[o*ksize+i] = int32(.5 + v*(1<<precision))
		}
		k.bounds[2*o], k.bounds[2*o+1] = first, last-first
	}
	return k
}

func (r *Resizer) kernel(in, out int) *kernel {
	key := [2]int{in, out}
	k, ok := r.kernels[key]
	if !ok {
		if r.kernels == nil || len(r.kernels) >= 64 { // a folder may hold images of any size
			r.kernels = map[[2]int]*kernel{}
		}
		k = bilinear(in, out)
		r.kernels[key] = k
	}
	return k
}

// Fit writes m's centre to dst, uint8 [size,size,C] with m's channels.
func (r *Resizer) Fit(dst []byte, m Image, size int) {
	h, w := fitted(m.Height, m.Width, size)
	if h != m.Height || w != m.Width {
		m = r.resize(m, h, w)
	}
	top, left := halfEven(h-size), halfEven(w-size)
	row := size * m.Channels
	for y := range size {
		copy(dst[y*row:(y+1)*row], m.Pix[((top+y)*w+left)*m.Channels:])
	}
}

// fitted is torchvision's output size: the shorter side becomes size, the longer int(size*long/short).
func fitted(h, w, size int) (int, int) {
	if h <= w {
		return size, int(float64(size) * float64(w) / float64(h))
	}
	return int(float64(size) * float64(h) / float64(w)), size
}

// halfEven is Python's int(round(n/2)): halves go to the even side.
func halfEven(n int) int { return int(math.RoundToEven(float64(n) / 2)) }

// resize is Pillow's ImagingResample: rows first, with 8 bits in between, each pass only where its size changes.
func (r *Resizer) resize(m Image, h, w int) Image {
	c := m.Channels
	if w != m.Width {
		r.scratch = grow(r.scratch, m.Height*w*c)
		k := r.kernel(m.Width, w)
		for y := range m.Height {
			horizontal(r.scratch[y*w*c:(y+1)*w*c], m.Pix[y*m.Width*c:(y+1)*m.Width*c], k, c)
		}
		m = Image{r.scratch, m.Height, w, c}
	}
	if h != m.Height {
		r.resized = grow(r.resized, h*w*c)
		k := r.kernel(m.Height, h)
		for y := range h {
			vertical(r.resized[y*w*c:(y+1)*w*c], m.Pix, k, y, w*c)
		}
		m = Image{r.resized, h, w, c}
	}
	return m
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

func horizontal(dst, src []byte, k *kernel, c int) {
	for o := range len(dst) / c {
		first, n := k.bounds[2*o], k.bounds[2*o+1]
		weights := k.weights[o*k.ksize : o*k.ksize+n]
		if c == 1 {
			sum := int32(1 << (precision - 1))
			for i, w := range weights {
				sum += int32(src[first+i]) * w
			}
			dst[o] = clip(sum)
			continue
		}
		red, green, blue := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
		in := src[3*first : 3*(first+n)]
		for i, w := range weights {
			red += int32(in[3*i]) * w
			green += int32(in[3*i+1]) * w
			blue += int32(in[3*i+2]) * w
		}
		dst[3*o], dst[3*o+1], dst[3*o+2] = clip(red), clip(green), clip(blue)
	}
}

func vertical(dst, src []byte, k *kernel, o, stride int) {
	first, n := k.bounds[2*o], k.bounds[2*o+1]
	weights := k.weights[o*k.ksize : o*k.ksize+n]
	for x := range dst {
		sum := int32(1 << (precision - 1))
		at := first*stride + x
		for _, w := range weights {
			sum += int32(src[at]) * w
			at += stride
		}
		dst[x] = clip(sum)
	}
}

func clip(v int32) byte { return byte(min(max(v>>precision, 0), 255)) }
