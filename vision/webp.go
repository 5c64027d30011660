package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

// webpHeader is what the chunks of a WebP say about it.
type webpHeader struct {
	width, height int
	orientation   int
}

// parseWebP walks over the chunks.
func parseWebP(file []byte) (webpHeader, error) {
	h := webpHeader{orientation: 1}
	if len(file) < 12 {
		return h, errTruncated
	}
	// The sizes are 32 bits and odd chunks are padded: in 64 bits nothing overflows.
	end := int64(binary.LittleEndian.Uint32(file[4:])) + 8
	if end > int64(len(file)) {
		return h, errTruncated
	}
	for at := int64(12); at+8 <= end; {
		name, n := string(file[at:at+4]), int64(binary.LittleEndian.Uint32(file[at+4:]))
		at += 8
		if at+n > end {
			return h, errTruncated
		}
		if err := h.chunk(name, file[at:at+n]); err != nil {
			return h, err
		}
		at += n + n&1
	}
	if h.width == 0 {
		return h, errors.New("webp: there is no picture in it")
	}
	return h, nil
}

func (h *webpHeader) chunk(name string, data []byte) error {
	switch name {
	case "VP8 ":
		if len(data) < 10 {
			return errTruncated
		}
		h.width, h.height = int(binary.LittleEndian.Uint16(data[6:]))&0x3fff, int(binary.LittleEndian.Uint16(data[8:]))&0x3fff
	case "VP8L":
		if len(data) < 5 {
			return errTruncated
		}
		bits := int(binary.LittleEndian.Uint32(data[1:]))
		h.width, h.height = bits&0x3fff+1, bits>>14&0x3fff+1
	case "ANMF":
		return errors.New("webp: animations are not supported: convert it to single pictures")
	case "EXIF":
		h.orientation = orientationOf(data)
	}
	return nil
}

func decodeWebP(r *Reader, file []byte, _ int) (picture, error) {
	h, err := parseWebP(file)
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(h.width, h.height); err != nil {
		return picture{}, err
	}
	m, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	b := m.Bounds()
	if b.Dx() != h.width || b.Dy() != h.height {
		return picture{}, fmt.Errorf("webp: it is %dx%d and says %dx%d", b.Dx(), b.Dy(), h.width, h.height)
	}
	var p picture
	switch m := m.(type) {
	case *image.YCbCr:
		p = r.blank(h.height, h.width, 3)
		r.fromYCbCr(p.Image, m, &vp8)
	case *image.NYCbCrA:
		p = r.blank(h.height, h.width, 3)
		r.fromYCbCr(p.Image, &m.YCbCr, &vp8)
		r.cover(p.Image, m)
	default:
		p = r.flat(m, b)
	}
	p.orientation = h.orientation
	return p, nil
}

// cover lays pixels that came from m over the background.
func (r *Reader) cover(out Image, m *image.NYCbCrA) {
	for y := range out.Height {
		alpha := m.A[m.AOffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
		for x := range out.Width {
			pixel := out.Pix[3*(y*out.Width+x):][:3]
			over(pixel, [3]byte(pixel), alpha[x], r.options.Background)
		}
	}
}
