package vision

import (
	"errors"
	"fmt"
	"slices"
)

// MaxPixels bounds what is decoded unless Options say otherwise, so that a small file cannot ask for all of the memory.
// It is where Pillow stops too.
const MaxPixels = 178_956_970

// Options say how image files become pixels. The zero value reads RGB, over white.
type Options struct {
	Channels   int      // 1 (gray: Pillow's "L", ITU-R 601) or 3 (RGB), which 0 means too
	Background *[3]byte // RGB that transparency is laid over; nil is white
	MaxPixels  int      // a larger width*height is refused before anything is decoded; 0 is MaxPixels
	CropBefore int      // when not 0, Fit takes the centre square of so many pixels a side before it resizes
	FastDecode bool     // Fit lets libjpeg-turbo shrink JPEGs by 2, 4 or 8 while it decodes, where the target is that much smaller
}

// Reader turns image files into pixels. It keeps its memory from file to file, so it belongs to one goroutine.
type Reader struct {
	options Options
	resizer Resizer
	png     pngReader
	decoded []byte
	other   []byte // what a step that cannot work in place writes to
}

// NewReader makes a Reader.
func NewReader(o Options) *Reader {
	if o.Channels == 0 {
		o.Channels = 3
	}
	if o.MaxPixels == 0 {
		o.MaxPixels = MaxPixels
	}
	if o.Background == nil {
		o.Background = &[3]byte{255, 255, 255}
	}
	return &Reader{options: o}
}

// Decode reads a JPEG, PNG, GIF (its first frame), WebP or BMP upright, as its EXIF orientation says. Transparency is
// laid over the background, 16-bit samples keep their upper byte. What is truncated or damaged is an error, and so are
// more than MaxPixels. The pixels belong to r, until the next call.
func (r *Reader) Decode(file []byte) (Image, error) {
	m, err := r.read(file, 0)
	if err != nil || m.Channels == r.options.Channels {
		return m, err
	}
	if m.Channels == 3 {
		return inGray(m), nil
	}
	r.other = grow(r.other, 3*len(m.Pix))
	tripled(r.other, m.Pix)
	m.Pix, m.Channels = r.other, 3
	return m, nil
}

// Fit decodes file as Decode does, and writes to dst, uint8 [size,size,C], what torchvision's Resize(size) and
// CenterCrop(size) make of it.
func (r *Reader) Fit(dst, file []byte, size int) error {
	m, err := r.read(file, size)
	if err != nil {
		return err
	}
	if m.Channels == 3 && r.options.Channels == 1 {
		m = inGray(m)
	}
	if m.Channels == r.options.Channels {
		r.resizer.Fit(dst, m, size)
		return nil
	}
	r.other = grow(r.other, size*size) // gray is resized once, not three times
	r.resizer.Fit(r.other, m, size)
	tripled(dst, r.other)
	return nil
}

// read decodes in the file's own number of channels, upright and cropped. size is Fit's, 0 for Decode.
func (r *Reader) read(file []byte, size int) (Image, error) {
	f, err := formatOf(file)
	if err != nil {
		return Image{}, err
	}
	p, err := f.decode(r, file, size)
	if err != nil {
		return Image{}, plain(err)
	}
	m := r.upright(p.Image, p.orientation)
	if n := r.options.CropBefore; n > 0 && size > 0 {
		n = (n + p.shrunk/2) / p.shrunk
		if n > min(m.Height, m.Width) {
			return Image{}, fmt.Errorf("%dx%d: smaller than the %dx%[3]d that are to be cropped before the resize",
				m.Width*p.shrunk, m.Height*p.shrunk, r.options.CropBefore)
		}
		m = centre(m, n)
	}
	return m, nil
}

// picture is a decoded file before it is put upright.
type picture struct {
	Image           // 1 or 3 channels
	orientation int // EXIF's, 1 to 8
	shrunk      int // the file's sides are so many times as long
}

// allow is asked before any pixel is decoded.
func (r *Reader) allow(width, height int) error {
	if width <= 0 || height <= 0 {
		return fmt.Errorf("%dx%d: an image without pixels", width, height)
	}
	if width > r.options.MaxPixels/height {
		return fmt.Errorf("%dx%d: more than %d pixels", width, height, r.options.MaxPixels)
	}
	return nil
}

// centre moves the middle n x n pixels of m to the front of its memory; torchvision's CenterCrop.
func centre(m Image, n int) Image {
	top, left, row := halfEven(m.Height-n), halfEven(m.Width-n), n*m.Channels
	for y := range n {
		copy(m.Pix[y*row:(y+1)*row], m.Pix[((top+y)*m.Width+left)*m.Channels:])
	}
	return Image{Pix: m.Pix[:n*row], Height: n, Width: n, Channels: m.Channels}
}

// Decode is Reader.Decode into memory of its own, with no other option than the channels.
func Decode(file []byte, channels int) (Image, error) {
	if channels != 1 && channels != 3 {
		return Image{}, errors.New("vision: decode: channels are 1 or 3")
	}
	m, err := NewReader(Options{Channels: channels}).Decode(file)
	m.Pix = slices.Clip(m.Pix)
	return m, err
}
