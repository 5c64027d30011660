package vision

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zlib" // the standard library's allocates for every block
)

// plain says that plainPNG reads the file: 8 bits, no interlacing, no single transparent colour. Nearly all files are so;
// the others, and those that break the rules, go to image/png, which allocates its memory for each.
func (h *pngHeader) plain() bool {
	if h.depth != 8 || h.interlaced || h.scattered || h.pixels == 0 {
		return false
	}
	switch h.kind {
	case pngGray, pngRGB:
		return h.alphas == nil
	case pngPalette:
		n := len(h.palette)
		return n > 0 && n%3 == 0 && n <= 3*256 && len(h.alphas) <= n/3
	}
	return h.kind == pngGrayAlpha || h.kind == pngRGBA
}

// samples is how many bytes a pixel has in the file.
func (h *pngHeader) samples() int {
	return [...]int{pngGray: 1, pngRGB: 3, pngPalette: 1, pngGrayAlpha: 2, pngRGBA: 4}[h.kind]
}

// inflater decompresses the IDAT chunks of file after file in the same memory.
type inflater struct {
	zlib    io.ReadCloser
	file    []byte
	next    int    // where the next chunk begins
	chunk   []byte // what is left of this one
	oneByte [1]byte
	extra   [1]byte // what rows reads between the rows
}

func (z *inflater) Read(p []byte) (int, error) {
	for len(z.chunk) == 0 {
		head := z.file[z.next:]
		if string(head[4:8]) != "IDAT" {
			return 0, io.EOF
		}
		n := int(binary.BigEndian.Uint32(head)) // parsePNG has checked it
		z.chunk, z.next = head[8:8+n], z.next+12+n
	}
	n := copy(p, z.chunk)
	z.chunk = z.chunk[n:]
	return n, nil
}

// ReadByte keeps package flate from putting a buffer of its own in between.
func (z *inflater) ReadByte() (byte, error) {
	_, err := z.Read(z.oneByte[:])
	return z.oneByte[0], err
}

func (z *inflater) start(file []byte, at int) error {
	z.file, z.next, z.chunk = file, at, nil
	if z.zlib == nil {
		var err error
		z.zlib, err = zlib.NewReader(z)
		return err
	}
	return z.zlib.(zlib.Resetter).Reset(z, nil)
}

// plainPNG decodes the pixels.
func (r *Reader) plainPNG(file []byte, h *pngHeader) (picture, error) {
	if err := r.inflater.start(file, h.pixels); err != nil {
		return picture{}, pngError(err)
	}
	channels, step := 3, h.samples()
	if h.kind == pngGray {
		channels = 1
	}
	p := r.blank(h.height, h.width, channels)
	raw := p.Pix
	if step != channels {
		r.other = grow(r.other, h.height*h.width*step)
		raw = r.other
	}
	if err := r.inflater.rows(raw, h.width*step, step); err != nil {
		return picture{}, pngError(err)
	}
	r.spread(p.Pix, raw, h)
	return p, nil
}

// rows reads and unfilters raw, and then the checksum, which must be where the pixels end.
func (z *inflater) rows(raw []byte, stride, step int) error {
	for at := 0; at < len(raw); at += stride {
		if _, err := io.ReadFull(z.zlib, z.extra[:]); err != nil {
			return err
		}
		filter, row := z.extra[0], raw[at:at+stride]
		if _, err := io.ReadFull(z.zlib, row); err != nil {
			return err
		}
		var above []byte
		if at > 0 {
			above = raw[at-stride : at]
		}
		if !unfilter(row, above, filter, step) {
			return errors.New("an unknown filter")
		}
	}
	n, err := io.ReadFull(z.zlib, z.extra[:])
	if n > 0 {
		return errors.New("more pixels than its header says")
	}
	if err != io.EOF {
		return err
	}
	return nil
}

func pngError(err error) error {
	if plain(err) == errTruncated {
		return errTruncated
	}
	return errors.New("png: " + err.Error() + ": the file is damaged")
}

// spread turns the file's samples into pixels over the background.
func (r *Reader) spread(pix, raw []byte, h *pngHeader) {
	background := r.options.Background
	switch h.kind {
	case pngPalette:
		var table [256][3]byte
		for i := range len(h.palette) / 3 {
			alpha := byte(255)
			if i < len(h.alphas) {
				alpha = h.alphas[i]
			}
			over(table[i][:], [3]byte(h.palette[3*i:]), alpha, background)
		}
		for i, v := range raw {
			copy(pix[3*i:3*i+3], table[v][:])
		}
	case pngGrayAlpha:
		for i := range len(raw) / 2 {
			v := raw[2*i]
			over(pix[3*i:3*i+3], [3]byte{v, v, v}, raw[2*i+1], background)
		}
	case pngRGBA:
		for i := range len(raw) / 4 {
			over(pix[3*i:3*i+3], [3]byte(raw[4*i:]), raw[4*i+3], background)
		}
	}
}
