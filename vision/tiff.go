package vision

import (
	"bytes"
	"image"

	"golang.org/x/image/tiff"
)

// decodeTIFF reads the first picture of a TIFF, upright: the file has the layout of EXIF data and says so as that does.
func decodeTIFF(r *Reader, file []byte, _ int) (picture, error) {
	config, err := tiff.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(config.Width, config.Height); err != nil {
		return picture{}, err
	}
	m, err := tiff.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	if rgba, ok := m.(*image.RGBA); ok && !rgba.Opaque() {
		m = struct{ image.Image }{m} // multiplied by its alpha, which the reader of its samples does not expect
	}
	p := r.flat(m, m.Bounds())
	p.orientation = orientationOf(file)
	return p, nil
}
