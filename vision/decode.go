package vision

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
)

// MaxPixels bounds what Decode takes, so that a small file cannot ask for all of the memory. Pillow warns at half of it.
const MaxPixels = 178_956_970

// Decoder names what reads JPEG files: decoders differ in their last bits, so a run records it.
const Decoder = "go image/jpeg"

// Image is decoded pixels, uint8 [H,W,C].
type Image struct {
	Pix                     []byte
	Height, Width, Channels int
}

// Decode reads a JPEG, PNG or GIF (its first frame) as gray (channels 1: Pillow's "L", ITU-R 601) or RGB (3).
// Transparency is laid over white. Sizes beyond MaxPixels and truncated files are errors.
func Decode(file []byte, channels int) (Image, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return Image{}, decodeError(err)
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > MaxPixels/config.Height {
		return Image{}, fmt.Errorf("%dx%d: more than %d pixels", config.Width, config.Height, MaxPixels)
	}
	m, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return Image{}, decodeError(err)
	}
	b := m.Bounds()
	out := Image{Height: b.Dy(), Width: b.Dx(), Channels: channels, Pix: make([]byte, b.Dx()*b.Dy()*channels)}
	if channels == 3 {
		toRGB(out.Pix, m)
	} else {
		toGray(out.Pix, m)
	}
	return out, nil
}

func decodeError(err error) error {
	switch {
	case errors.Is(err, image.ErrFormat):
		return errors.New("not a JPEG, PNG or GIF file")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the file is truncated")
	}
	return err
}

func toRGB(dst []byte, m image.Image) {
	b := m.Bounds()
	i := 0
	switch m := m.(type) {
	case *image.YCbCr:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				yi, ci := m.YOffset(x, y), m.COffset(x, y)
				dst[i], dst[i+1], dst[i+2] = color.YCbCrToRGB(m.Y[yi], m.Cb[ci], m.Cr[ci])
				i += 3
			}
		}
	case *image.Gray:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for _, v := range m.Pix[m.PixOffset(b.Min.X, y):][:b.Dx()] {
				dst[i], dst[i+1], dst[i+2] = v, v, v
				i += 3
			}
		}
	default:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				dst[i], dst[i+1], dst[i+2] = overWhite(m.At(x, y))
				i += 3
			}
		}
	}
}

// overWhite is the 8-bit colour of c on white paper.
func overWhite(c color.Color) (r, g, b byte) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	if n.A == 255 {
		return n.R, n.G, n.B
	}
	over := func(v byte) byte { return byte((uint32(v)*uint32(n.A) + 255*(255-uint32(n.A)) + 127) / 255) }
	return over(n.R), over(n.G), over(n.B)
}

func toGray(dst []byte, m image.Image) {
	b := m.Bounds()
	switch m := m.(type) {
	case *image.Gray:
		for y := range b.Dy() {
			copy(dst[y*b.Dx():][:b.Dx()], m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		}
	default:
		rgb := make([]byte, 3*len(dst))
		toRGB(rgb, m)
		for i := range dst {
			dst[i] = Luma(rgb[3*i], rgb[3*i+1], rgb[3*i+2])
		}
	}
}

// Luma is Pillow's conversion from RGB to "L" (ITU-R 601-2, in 16-bit fixed point).
func Luma(r, g, b byte) byte {
	return byte((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 0x8000) >> 16)
}
