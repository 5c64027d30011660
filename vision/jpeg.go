package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// jpegHeader is what a JPEG's markers say.
type jpegHeader struct {
	width, height, components int
	orientation               int // EXIF's, 1 to 8
	adobe                     bool
	scans                     int
	tables                    jpegTables
}

// parseJPEG walks over the markers up to the end of the image. It reads no pixels.
func parseJPEG(file []byte) (jpegHeader, error) {
	h := jpegHeader{orientation: 1}
	at := 2 // after the start of image
	for {
		// Between segments lie a scan's codes, or bytes that belong to nothing, which all readers forgive.
		ff := bytes.IndexByte(file[at:], 0xff)
		if ff < 0 {
			return h, errTruncated
		}
		for at += ff; at < len(file) && file[at] == 0xff; {
			at++
		}
		if at >= len(file) {
			return h, errTruncated
		}
		marker := file[at]
		at++
		switch {
		case marker <= 1, marker >= 0xd0 && marker <= 0xd8:
			continue // nothing follows these
		case marker == 0xd9:
			if h.scans == 0 {
				return h, errors.New("jpeg: it ends before its pixels begin")
			}
			return h, nil
		}
		if at+2 > len(file) {
			return h, errTruncated
		}
		n := int(binary.BigEndian.Uint16(file[at:]))
		if n < 2 {
			return h, fmt.Errorf("jpeg: marker %02x has a length of %d", marker, n)
		}
		if at+n > len(file) {
			return h, errTruncated
		}
		if err := h.segment(marker, file[at+2:at+n]); err != nil {
			return h, err
		}
		at += n
	}
}

func (h *jpegHeader) segment(marker byte, s []byte) error {
	switch {
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc: // a frame
		if len(s) < 6 {
			return errors.New("jpeg: its frame header is too short")
		}
		h.height, h.width = int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))
		h.components = int(s[5])
		if h.components != 1 && h.components != 3 && h.components != 4 {
			return fmt.Errorf("jpeg: %d components: only 1, 3 and 4 have a meaning", h.components)
		}
		if s[0] != 8 {
			return fmt.Errorf("jpeg: %d bits a sample: only 8 are supported", s[0])
		}
		return h.tables.frame(marker, s[6:], h.components)
	case marker == 0xdb:
		h.tables.quantization(s)
	case marker == 0xc4:
		h.tables.huffman(s)
	case marker == 0xda:
		if h.components == 0 {
			return errors.New("jpeg: its pixels begin before their size is known")
		}
		h.scans++
		return h.tables.scan(s)
	case marker == 0xe1 && len(s) >= 6 && string(s[:6]) == "Exif\x00\x00" && h.orientation == 1:
		h.orientation = orientationOf(s)
	case marker == 0xee && len(s) >= 12 && string(s[:5]) == "Adobe":
		h.adobe = true
	}
	return nil
}

func decodeJPEG(r *Reader, file []byte, size int) (picture, error) {
	h, err := parseJPEG(file)
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(h.width, h.height); err != nil {
		return picture{}, err
	}
	p, err := r.scans(file, h, size)
	p.orientation = h.orientation
	return p, err
}
