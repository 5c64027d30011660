//go:build !turbojpeg || !cgo

package vision

// Decoder names what reads JPEG files: decoders differ in their last bits, so a run records it.
const Decoder = "Go image/jpeg"

// scans decodes the pixels. This decoder cannot shrink meanwhile, whatever Options.FastDecode says.
func (r *Reader) scans(file []byte, h jpegHeader, _ int) (picture, error) {
	return r.scansInGo(file, h)
}
