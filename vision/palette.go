package vision

import (
	"cmp"
	"image/color"
	"slices"
)

// cellBits is how finely colours are told apart when there are too many for a palette: 64 levels a channel.
const cellBits = 6

// palette is up to 256 colours and the way from any colour of the counted pixels to one of them. The way depends on the
// colour alone, never on the place or the frame, so what stands still in an animation keeps its colour.
type palette struct {
	colors color.Palette
	exact  map[[3]byte]byte // when 256 colours are enough
	cells  []byte           // else by cell
}

func (p *palette) index(r, g, b byte) byte {
	if p.exact != nil {
		return p.exact[[3]byte{r, g, b}]
	}
	return p.cells[cellOf(r, g, b)]
}

func cellOf(r, g, b byte) int {
	const drop = 8 - cellBits
	return int(r>>drop)<<(2*cellBits) | int(g>>drop)<<cellBits | int(b>>drop)
}

// grays is the 256 grays, each at its own index.
func grays() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		p[i] = color.RGBA{byte(i), byte(i), byte(i), 255}
	}
	return p
}

// newPalette chooses colours for all the frames, uint8 [H,W,3], together.
func newPalette(frames [][]byte) *palette {
	if exact := fewColors(frames); exact != nil {
		p := &palette{exact: exact, colors: make(color.Palette, len(exact))}
		for c, i := range exact {
			p.colors[i] = color.RGBA{c[0], c[1], c[2], 255}
		}
		return p
	}
	cells := countCells(frames)
	var means [][3]float64
	for _, b := range medianCut(cells, 256) {
		means = append(means, b.mean)
	}
	p := &palette{cells: make([]byte, 1<<(3*cellBits))}
	for _, m := range means {
		p.colors = append(p.colors, color.RGBA{byte(m[0] + .5), byte(m[1] + .5), byte(m[2] + .5), 255})
	}
	for _, c := range cells {
		p.cells[c.at] = byte(nearest(means, c.mean))
	}
	return p
}

// fewColors numbers the colours in the order in which they appear, or is nil when there are more than 256.
func fewColors(frames [][]byte) map[[3]byte]byte {
	seen := map[[3]byte]byte{}
	for _, f := range frames {
		for i := 0; i < len(f); i += 3 {
			c := [3]byte(f[i:])
			if _, ok := seen[c]; ok {
				continue
			}
			if len(seen) == 256 {
				return nil
			}
			seen[c] = byte(len(seen))
		}
	}
	return seen
}

// cell is the pixels whose colours agree in their first bits.
type cell struct {
	at    int // cellOf
	count float64
	mean  [3]float64
}

func countCells(frames [][]byte) []cell {
	all := make([]cell, 1<<(3*cellBits))
	for _, f := range frames {
		for i := 0; i < len(f); i += 3 {
			c := &all[cellOf(f[i], f[i+1], f[i+2])]
			c.count++
			for k := range 3 {
				c.mean[k] += float64(f[i+k])
			}
		}
	}
	var used []cell
	for at, c := range all {
		if c.count == 0 {
			continue
		}
		c.at = at
		for k := range 3 {
			c.mean[k] /= c.count
		}
		used = append(used, c)
	}
	return used
}

// box is neighbouring cells that will share a colour.
type box struct {
	cells []cell
	mean  [3]float64
	axis  int     // along which they differ most
	error float64 // sum over the pixels of the squared distance to mean, along axis
}

func newBox(cells []cell) box {
	b := box{cells: cells}
	count := 0.0
	for _, c := range cells {
		count += c.count
		for k := range 3 {
			b.mean[k] += c.count * c.mean[k]
		}
	}
	var errors [3]float64
	for k := range 3 {
		b.mean[k] /= count
		for _, c := range cells {
			d := c.mean[k] - b.mean[k]
			errors[k] += c.count * d * d
		}
		if errors[k] > b.error {
			b.axis, b.error = k, errors[k]
		}
	}
	return b
}

// medianCut is Heckbert's, cutting the box with the largest error at its mean along the axis that has it: the mean
// leaves smaller errors than the median where a few pixels lie far off.
func medianCut(cells []cell, colors int) []box {
	boxes := []box{newBox(cells)}
	for len(boxes) < colors {
		worst := 0
		for i, b := range boxes {
			if b.error > boxes[worst].error {
				worst = i
			}
		}
		b := boxes[worst]
		if b.error == 0 {
			break
		}
		slices.SortStableFunc(b.cells, func(x, y cell) int { return cmp.Compare(x.mean[b.axis], y.mean[b.axis]) })
		at := slices.IndexFunc(b.cells, func(c cell) bool { return c.mean[b.axis] > b.mean[b.axis] })
		if at <= 0 { // differences that rounding swallows
			boxes[worst].error = 0
			continue
		}
		boxes[worst] = newBox(b.cells[:at])
		boxes = append(boxes, newBox(b.cells[at:]))
	}
	return boxes
}

func nearest(means [][3]float64, c [3]float64) int {
	best, least := 0, 4*256*256.0
	for i, m := range means {
		d := 0.0
		for k := range 3 {
			d += (m[k] - c[k]) * (m[k] - c[k])
		}
		if d < least {
			best, least = i, d
		}
	}
	return best
}
