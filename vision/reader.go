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
	// Decoding, when not nil, is called before a file's pixels are decoded, with how many they are. It may wait.
	Decoding   func(pixels int64)
	FastDecode bool // Fit lets libjpeg-turbo shrink JPEGs by 2, 4 or 8 while it decodes, where the target is that much smaller
}

// Reader turns image files into pixels. It keeps its memory from file to file, so it belongs to one goroutine.
type Reader struct {
	options  Options
	resizer  Resizer
	inflater inflater
	decoded  []byte
	other    []byte // what a step that cannot work in place writes to
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

// Decode reads a JPEG, PNG, GIF (its first frame), WebP, BMP, TIFF (its first picture) or PPM upright, as its EXIF orientation says. Transparency is
// laid over the background, 16-bit samples keep their upper byte. What is truncated or damaged is an error, and so are
// more than MaxPixels. The pixels belong to r, until the next call.
func (r *Reader) Decode(file []byte) (Image, error) {
	p, err := r.read(file, 0)
	m := p.Image
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

// Fit decodes file as Decode does, and writes to dst, uint8 [H,W,C] of that size, what Resizer makes of it, or of the centre
// that Options.CropBefore leaves.
func (r *Reader) Fit(dst, file []byte, size Size) error {
	m, err := r.read(file, size.longer())
	if err != nil {
		return err
	}
	rows, columns, err := r.parts(m)
	if err != nil {
		return err
	}
	if m.Channels == 3 && r.options.Channels == 1 {
		m.Image = inGray(m.Image)
	}
	if m.Channels == r.options.Channels {
		r.resizer.fit(dst, m.Image, rows, columns, size)
		return nil
	}
	r.other = grow(r.other, size.Height*size.Width) // gray is resized once, not three times
	r.resizer.fit(r.other, m.Image, rows, columns, size)
	tripled(dst, r.other)
	return nil
}

// parts is what Fit resizes: all of the picture, or its centre.
func (r *Reader) parts(m picture) (rows, columns part, err error) {
	n := r.options.CropBefore
	if n == 0 {
		return m.part(m.Height, 0, m.fileHeight), m.part(m.Width, 0, m.fileWidth), nil
	}
	if n > min(m.fileHeight, m.fileWidth) {
		return part{}, part{}, fmt.Errorf("%dx%d: smaller than the %dx%[3]d that are to be cropped before the resize",
			m.fileWidth, m.fileHeight, n)
	}
	return m.part(m.Height, halfEven(m.fileHeight-n), n), m.part(m.Width, halfEven(m.fileWidth-n), n), nil
}

// read decodes in the file's own number of channels, upright. size is the longer side of Fit's, 0 for Decode.
func (r *Reader) read(file []byte, size int) (picture, error) {
	f, err := formatOf(file)
	if err != nil {
		return picture{}, err
	}
	p, err := f.decode(r, file, size)
	if err != nil {
		return picture{}, plain(err)
	}
	return r.upright(p), nil
}

// picture is a decoded file.
type picture struct {
	Image                     // 1 or 3 channels
	orientation           int // EXIF's, 1 to 8
	fileHeight, fileWidth int
	shrunk                int // the decoder left every so many-th of the file's pixels along a side
}

// part is n pixels of the file, from first on, in the pixels of a picture whose side is side. A side that shrunk does not
// divide ends in a pixel that the file covers only partly.
func (p picture) part(side, first, n int) part {
	lo, hi := first/p.shrunk, min((first+n+p.shrunk-1)/p.shrunk, side)
	from := float64(first)/float64(p.shrunk) - float64(lo)
	return part{first: lo, in: hi - lo, from: from, to: from + float64(n)/float64(p.shrunk), nominal: n}
}

// allow is asked before any pixel is decoded.
func (r *Reader) allow(width, height int) error {
	if width <= 0 || height <= 0 {
		return fmt.Errorf("%dx%d: an image without pixels", width, height)
	}
	if width > r.options.MaxPixels/height {
		return fmt.Errorf("%dx%d: more than %d pixels", width, height, r.options.MaxPixels)
	}
	if r.options.Decoding != nil {
		r.options.Decoding(int64(width) * int64(height))
	}
	return nil
}

// Bytes is how much memory r keeps for the next file, about.
func (r *Reader) Bytes() int64 { return int64(cap(r.decoded) + cap(r.other)) }

// Decode is Reader.Decode into memory of its own, with no other option than the channels.
func Decode(file []byte, channels int) (Image, error) {
	if channels != 1 && channels != 3 {
		return Image{}, errors.New("vision: decode: channels are 1 or 3")
	}
	m, err := NewReader(Options{Channels: channels}).Decode(file)
	m.Pix = slices.Clip(m.Pix)
	return m, err
}
