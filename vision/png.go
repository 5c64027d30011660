package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image/png"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngReader is a walk over the chunks of a PNG.
type pngReader struct {
	width, height int
	orientation   int
}

// parse checks every chunk's length and checksum up to the end.
func (p *pngReader) parse(file []byte) error {
	*p = pngReader{orientation: 1}
	for rest := file[len(pngMagic):]; ; {
		if len(rest) < 12 {
			return errTruncated
		}
		n := uint64(binary.BigEndian.Uint32(rest))
		if n > uint64(len(rest)-12) {
			return errTruncated
		}
		kind, data := string(rest[4:8]), rest[8:8+n]
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return errors.New("png: a checksum is wrong: the file is damaged")
		}
		switch kind {
		case "IHDR":
			if n != 13 || p.width != 0 { // a second one could hide the size that is decoded
				return errors.New("png: its header is wrong")
			}
			p.width, p.height = int(binary.BigEndian.Uint32(data)), int(binary.BigEndian.Uint32(data[4:]))
		case "eXIf":
			p.orientation = orientationOf(data)
		case "IEND":
			return nil
		}
		rest = rest[12+n:]
	}
}

func decodePNG(r *Reader, file []byte, _ int) (picture, error) {
	if err := r.png.parse(file); err != nil {
		return picture{}, err
	}
	if err := r.allow(r.png.width, r.png.height); err != nil {
		return picture{}, err
	}
	m, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	p := r.flat(m, m.Bounds())
	p.orientation = r.png.orientation
	return p, nil
}
