package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngHeader is what the chunks of a PNG say about its pixels.
type pngHeader struct {
	width, height     int
	depth, kind       byte // bits a sample; colour type
	interlaced        bool
	palette, alphas   []byte // PLTE and tRNS, in the file
	pixels            int    // where the first IDAT begins
	scattered         bool   // the IDATs do not follow one another
	orientation       int
	afterPixels, seen bool
}

// Colour types.
const (
	pngGray, pngRGB, pngPalette, pngGrayAlpha, pngRGBA = 0, 2, 3, 4, 6
)

// parsePNG checks every chunk's length and checksum up to the end.
func parsePNG(file []byte) (pngHeader, error) {
	h := pngHeader{orientation: 1}
	for at := len(pngMagic); ; {
		rest := file[at:]
		if len(rest) < 12 {
			return h, errTruncated
		}
		n := uint64(binary.BigEndian.Uint32(rest))
		if n > uint64(len(rest)-12) {
			return h, errTruncated
		}
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return h, errors.New("png: a checksum is wrong: the file is damaged")
		}
		if string(rest[4:8]) == "IEND" {
			return h, nil
		}
		if err := h.chunk(rest[4:8], rest[8:8+n], at); err != nil {
			return h, err
		}
		at += 12 + int(n)
	}
}

func (h *pngHeader) chunk(kind, data []byte, at int) error {
	if string(kind) == "IDAT" {
		h.scattered = h.scattered || h.afterPixels
		if h.pixels == 0 {
			h.pixels = at
		}
		return nil
	}
	h.afterPixels = h.pixels > 0
	switch string(kind) {
	case "IHDR":
		if len(data) != 13 || h.seen { // a second one could hide the size that is decoded
			return errors.New("png: its header is wrong")
		}
		h.seen = true
		h.width, h.height = int(binary.BigEndian.Uint32(data)), int(binary.BigEndian.Uint32(data[4:]))
		h.depth, h.kind, h.interlaced = data[8], data[9], data[12] != 0
	case "PLTE":
		h.palette = data
	case "tRNS":
		h.alphas = data
	case "eXIf":
		h.orientation = orientationOf(data)
	}
	return nil
}

func decodePNG(r *Reader, file []byte, _ int) (picture, error) {
	h, err := parsePNG(file)
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(h.width, h.height); err != nil {
		return picture{}, err
	}
	var p picture
	if h.plain() {
		p, err = r.plainPNG(file, &h)
	} else {
		var m image.Image
		if m, err = png.Decode(bytes.NewReader(file)); err == nil {
			p = r.flat(m, m.Bounds())
		}
	}
	p.orientation = h.orientation
	return p, err
}
