package vision

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ppmHeader is that of a binary PGM (P5, gray) or PPM (P6, RGB).
type ppmHeader struct {
	channels, width, height int
	most                    int // what a sample is at most, up to 65535; beyond 255 samples have two bytes
	pixels                  int // where they begin
}

func parsePPM(file []byte) (h ppmHeader, err error) {
	switch {
	case len(file) < 3:
		return h, errTruncated
	case file[1] == '5':
		h.channels = 1
	case file[1] == '6':
		h.channels = 3
	default:
		return h, fmt.Errorf("ppm: kind P%c: only P5 and P6, gray and colour in binary, are supported: convert it", file[1])
	}
	h.pixels = 2
	for _, v := range []*int{&h.width, &h.height, &h.most} {
		if *v, err = h.number(file); err != nil {
			return h, err
		}
	}
	if h.most < 1 || h.most > math.MaxUint16 {
		return h, fmt.Errorf("ppm: samples up to %d: they go up to 1 at least and to 65535 at most", h.most)
	}
	if !isSpace(file[h.pixels]) {
		return h, errPPMHeader
	}
	h.pixels++ // one space ends the header
	return h, nil
}

var errPPMHeader = errors.New("ppm: its header is wrong")

// number reads a number and the space before it, where comments may stand; what follows it must be one too.
func (h *ppmHeader) number(file []byte) (n int, err error) {
	at := h.pixels
	for comment := false; at < len(file) && (comment || file[at] == '#' || isSpace(file[at])); at++ {
		comment = file[at] == '#' || comment && file[at] != '\n' && file[at] != '\r'
	}
	first := at
	for ; at < len(file) && file[at] >= '0' && file[at] <= '9'; at++ {
		if at-first > 8 {
			return 0, errors.New("ppm: a number in its header is too large")
		}
		n = 10*n + int(file[at]-'0')
	}
	if at == len(file) {
		return 0, errTruncated
	}
	if first == h.pixels || at == first || !isSpace(file[at]) && file[at] != '#' {
		return 0, errPPMHeader
	}
	h.pixels = at
	return n, nil
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func decodePPM(r *Reader, file []byte, _ int) (picture, error) {
	h, err := parsePPM(file)
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(h.width, h.height); err != nil {
		return picture{}, err
	}
	size, n := 1, h.width*h.height*h.channels
	if h.most > math.MaxUint8 {
		size = 2
	}
	samples := file[h.pixels:]
	if len(samples) < n*size {
		return picture{}, errTruncated
	}
	p := r.blank(h.height, h.width, h.channels)
	if h.most == math.MaxUint8 {
		copy(p.Pix, samples)
		return p, nil
	}
	for i := range p.Pix {
		v := int(samples[i*size])
		if size == 2 {
			v = int(binary.BigEndian.Uint16(samples[2*i:]))
		}
		// As Pillow rounds.
		p.Pix[i] = byte(math.RoundToEven(float64(min(v, h.most)) / float64(h.most) * math.MaxUint8))
	}
	return p, nil
}
