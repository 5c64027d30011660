package vision

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
)

// adobeMarker says that four components are CMYK, inverted as Adobe's programs write them.
var adobeMarker = []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")

// scansInGo decodes the pixels with the standard library.
func (r *Reader) scansInGo(file []byte, h jpegHeader) (picture, error) {
	if h.components == 4 && !h.adobe {
		// Without the marker image/jpeg gives up; libjpeg and Pillow take the four for Adobe's.
		file = slices.Concat(file[:2], adobeMarker, file[2:])
	}
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	b := m.Bounds()
	if m, ok := m.(*image.YCbCr); ok {
		p := r.blank(b.Dy(), b.Dx(), 3)
		r.fromYCbCr(p.Image, m, &jfif)
		return p, nil
	}
	return r.flat(m, b), nil
}
