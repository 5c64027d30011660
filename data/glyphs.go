package data

import (
	"fmt"
	"image"
	"math"
	"sync"

	"forger/vision"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// glyphs draws digits from the Go fonts under random affine maps, white on black. Image i of epoch e is a function of
// the seed, e and i; its label is i mod 10.
type glyphs struct {
	labelled
	shape Shape
	seed  uint64
	masks [][]byte // [face*10+digit]: coverage, maskSide x maskSide, the digit centred
}

const (
	glyphsEpoch = 60000
	glyphsSide  = 32  // the default
	maskSide    = 128 // of the masks the images are sampled from
	maskHeight  = 80  // of a digit in its mask
)

// glyphVersion is part of the fingerprint: it changes with the pictures.
const glyphVersion = "glyphs 1"

func openGlyphs(_ string, o Options) (Dataset, error) {
	if o.Size.IsZero() {
		o.Size = vision.Square(glyphsSide)
	}
	masks, err := glyphMasks()
	if err != nil {
		return nil, fmt.Errorf("data: glyphs: %w", err)
	}
	g := &glyphs{shape: asked(o), seed: o.Seed, masks: masks}
	for d := range 10 {
		g.classes = append(g.classes, fmt.Sprint(d))
	}
	return g, nil
}

func (g *glyphs) Spec() string        { return "glyphs" }
func (g *glyphs) Len() int            { return glyphsEpoch }
func (g *glyphs) Shape() Shape        { return g.shape }
func (g *glyphs) Label(i int) int     { return i % 10 }
func (g *glyphs) Close() error        { return nil }
func (g *glyphs) Fingerprint() string { return fmt.Sprintf("%s seed %d", glyphVersion, g.seed) }

// glyphMasks rasterises each digit of each face once a process.
var glyphMasks = sync.OnceValues(func() ([][]byte, error) {
	var masks [][]byte
	for _, ttf := range [][]byte{goregular.TTF, gomedium.TTF, gobold.TTF, goitalic.TTF, gomono.TTF, gomonobold.TTF} {
		face, err := sfnt.Parse(ttf)
		if err != nil {
			return nil, err
		}
		for digit := range 10 {
			mask, err := rasterise(face, rune('0'+digit))
			if err != nil {
				return nil, err
			}
			masks = append(masks, mask)
		}
	}
	return masks, nil
})

// rasterise draws a digit maskHeight high in the middle of a maskSide square, as 8-bit coverage.
func rasterise(face *sfnt.Font, digit rune) ([]byte, error) {
	var buf sfnt.Buffer
	index, err := face.GlyphIndex(&buf, digit)
	if err != nil {
		return nil, err
	}
	segments, err := face.LoadGlyph(&buf, index, fixed.I(1000), nil)
	if err != nil {
		return nil, err
	}
	b := segments.Bounds()
	scale := maskHeight / float32(b.Max.Y-b.Min.Y)
	at := func(p fixed.Point26_6) (x, y float32) {
		return maskSide/2 + (float32(p.X)-float32(b.Min.X+b.Max.X)/2)*scale,
			maskSide/2 + (float32(p.Y)-float32(b.Min.Y+b.Max.Y)/2)*scale
	}
	r := vector.NewRasterizer(maskSide, maskSide)
	for _, s := range segments {
		x0, y0 := at(s.Args[0])
		x1, y1 := at(s.Args[1])
		x2, y2 := at(s.Args[2])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(x0, y0)
		case sfnt.SegmentOpLineTo:
			r.LineTo(x0, y0)
		case sfnt.SegmentOpQuadTo:
			r.QuadTo(x0, y0, x1, y1)
		case sfnt.SegmentOpCubeTo:
			r.CubeTo(x0, y0, x1, y1, x2, y2)
		}
	}
	r.ClosePath()
	mask := image.NewAlpha(image.Rect(0, 0, maskSide, maskSide))
	r.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	return mask.Pix, nil
}

// draws is a stream of numbers in [-1,1) for one image.
type draws uint64

func (d *draws) next() float64 {
	*d += 0x9E3779B97F4A7C15
	return float64(mix(uint64(*d))>>11)/(1<<52) - 1
}

// Read samples the digit's mask through the inverse of a random affine map: rotation within 9 degrees, shear within
// .15, scale .85 to 1.1 in each direction, shift within a sixteenth of the side.
func (g *glyphs) Read(epoch, i int, dst []byte) error {
	d := draws(mix(g.seed) ^ mix(uint64(epoch)<<32|uint64(i)))
	face := int((d.next() + 1) / 2 * float64(len(g.masks)/10))
	mask := g.masks[face*10+i%10]
	sin, cos := math.Sincos(.157 * d.next())
	shear := .15 * d.next()
	sx, sy := .975+.125*d.next(), .975+.125*d.next()
	dx, dy := d.next()/16, d.next()/16

	plane := dst
	if g.shape.Channels == 3 {
		plane = dst[len(dst)/3*2:]
	}
	// From units of the image's shorter side to pixels of the mask: an upright digit is .78 of the side high.
	const unit = maskHeight / .78
	m := affine{unit / sx * (cos + float64(shear*sin)), unit / sx * (sin - float64(shear*cos)), -unit / sy * sin, unit / sy * cos}
	m.sample(plane, mask, g.shape.Size(), dx, dy)
	if g.shape.Channels == 3 {
		spread(dst, plane)
	}
	return nil
}

// affine maps a place in the image, in units of its shorter side from the digit's middle, to pixels of the mask from its middle.
type affine struct{ xx, xy, yx, yy float64 }

// sub is how many samples a pixel takes along each side; their mean is the antialiasing.
const sub = 4

// sample walks over the image in 16.16 fixed point, so that every machine draws the same pixels.
func (m affine) sample(dst, mask []byte, size vision.Size, dx, dy float64) {
	fix := func(v float64) int { return int(math.Round(v * (1 << 16))) }
	unit := min(size.Height, size.Width)
	step := 1 / float64(sub*unit)
	xx, xy, yx, yy := fix(m.xx*step), fix(m.xy*step), fix(m.yx*step), fix(m.yy*step)
	left, top := step/2-half(size.Width, unit)-dx, step/2-half(size.Height, unit)-dy
	x0 := fix(maskSide/2 + float64(m.xx*left) + float64(m.xy*top))
	y0 := fix(maskSide/2 + float64(m.yx*left) + float64(m.yy*top))
	for y := range size.Height {
		for x := range size.Width {
			sum := uint(0)
			for v := range sub {
				mx := x0 + sub*x*xx + (sub*y+v)*xy
				my := y0 + sub*x*yx + (sub*y+v)*yy
				for range sub {
					if u, w := uint(mx>>16), uint(my>>16); u < maskSide && w < maskSide {
						sum += uint(mask[w*maskSide+u])
					}
					mx += xx
					my += yx
				}
			}
			dst[y*size.Width+x] = byte((sum + sub*sub/2) / (sub * sub))
		}
	}
}

// half is half of a side in units of another.
func half(side, unit int) float64 { return float64(side) / float64(2*unit) }
