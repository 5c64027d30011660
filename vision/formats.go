package vision

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"io"
	"strings"

	"golang.org/x/image/bmp"
)

// Image is decoded pixels, uint8 [H,W,C].
type Image struct {
	Pix                     []byte
	Height, Width, Channels int
}

// format is a kind of image file. Its decoder asks Reader.allow first.
type format struct {
	name    string
	magics  []string // what its files begin with; a dot is any byte
	endings []string
	decode  func(r *Reader, file []byte, size int) (picture, error)
}

var formats = []format{
	{"JPEG", []string{"\xff\xd8\xff"}, []string{".jpg", ".jpeg", ".jfif", ".jpe"}, decodeJPEG},
	{"PNG", []string{pngMagic}, []string{".png"}, decodePNG},
	{"GIF", []string{"GIF87a", "GIF89a"}, []string{".gif"}, decodeGIF},
	{"WebP", []string{"RIFF....WEBP"}, []string{".webp"}, decodeWebP},
	{"BMP", []string{"BM"}, []string{".bmp"}, decodeBMP},
	{"TIFF", []string{"II*\x00", "MM\x00*"}, []string{".tif", ".tiff"}, decodeTIFF},
	{"PPM", []string{"P1", "P2", "P3", "P4", "P5", "P6"}, []string{".ppm", ".pgm", ".pnm"}, decodePPM},
}

// Formats are the names of what Decode reads.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Endings are those of the files that Decode reads: ".jpg" and others, in lower case.
func Endings() []string {
	var endings []string
	for _, f := range formats {
		endings = append(endings, f.endings...)
	}
	return endings
}

var errTruncated = errors.New("the file is truncated")

func formatOf(file []byte) (*format, error) {
	if len(file) == 0 {
		return nil, errors.New("the file is empty")
	}
	for i, f := range formats {
		for _, magic := range f.magics {
			if begins(file, magic) {
				return &formats[i], nil
			}
		}
	}
	names := Formats()
	last := len(names) - 1
	return nil, errors.New("not a " + strings.Join(names[:last], ", ") + " or " + names[last] + " file")
}

// HeadBytes is how much of a file Recognize needs.
const HeadBytes = 16

// Recognize is nil for what a file that Decode reads may begin with.
func Recognize(head []byte) error {
	_, err := formatOf(head)
	return err
}

func begins(file []byte, magic string) bool {
	if len(file) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '.' && magic[i] != file[i] {
			return false
		}
	}
	return true
}

// plain says what the decoders' many words for a file that ends too early mean.
func plain(err error) error {
	const short = jpeg.FormatError("short Huffman data") // image/jpeg's word where the file ends within a code
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, short) {
		return errTruncated
	}
	return err
}

func decodeGIF(r *Reader, file []byte, _ int) (picture, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(config.Width, config.Height); err != nil {
		return picture{}, err
	}
	m, err := gif.Decode(bytes.NewReader(file)) // stops after the first frame
	if err != nil {
		return picture{}, err
	}
	return r.flat(m, image.Rect(0, 0, config.Width, config.Height)), nil
}

func decodeBMP(r *Reader, file []byte, _ int) (picture, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	if err := r.allow(config.Width, config.Height); err != nil {
		return picture{}, err
	}
	m, err := bmp.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	return r.flat(m, m.Bounds()), nil
}
