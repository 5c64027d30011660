package vision

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// However much of a file is missing, what comes is an error or the very same picture, never another one.
func TestTruncatedFilesAreNeverAnotherPicture(t *testing.T) {
	cases, _ := samples(t)
	whole, cut := NewReader(Options{}), NewReader(Options{})
	for _, c := range cases {
		want, err := whole.Decode(c.File)
		require.NoError(t, err, c.Name)
		for n := 0; n < len(c.File); n++ {
			if next := n + len(c.File)/53; next < len(c.File)-40 { // near the end, where a check is easily left out, every length
				n = next
			}
			got, err := cut.Decode(c.File[:n])
			switch {
			case err != nil:
				assert.NotContains(t, err.Error(), "\n")
			case strings.HasPrefix(c.Name, "jpeg"), n < len(c.File)/2:
				assert.Fail(t, "no error", "%s: %d of %d bytes", c.Name, n, len(c.File))
			default:
				require.Equal(t, want, got, "%s: %d of %d bytes", c.Name, n, len(c.File))
			}
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	jpeg, png := sampleFile(t, "jpeg 420"), sampleFile(t, "png rgb")
	frame := bytes.Index(jpeg, []byte{0xff, 0xc0})
	patched := func(file []byte, at int, with ...byte) []byte {
		return append(append(bytes.Clone(file[:at]), with...), file[at+len(with):]...)
	}
	for want, file := range map[string][]byte{
		"the file is empty":                                                                  nil,
		"the file is truncated":                                                              jpeg[:len(jpeg)/2],
		"not a JPEG, PNG, GIF, WebP, BMP, TIFF or PPM file":                                  []byte("hello"),
		"png: a checksum is wrong: the file is damaged":                                      patched(png, len(png)/2, ^png[len(png)/2]),
		"jpeg: 12 bits a sample: only 8 are supported":                                       patched(jpeg, frame+4, 12),
		"jpeg: 2 components: only 1, 3 and 4 have a meaning":                                 patched(jpeg, frame+9, 2),
		"26x0: an image without pixels":                                                      patched(jpeg, frame+5, 0, 0),
		"jpeg: it ends before its pixels begin":                                              []byte("\xff\xd8\xff\xd9"),
		"jpeg: marker e0 has a length of 1":                                                  []byte("\xff\xd8\xff\xe0\x00\x01\x00"),
		"ppm: kind P3: only P5 and P6, gray and colour in binary, are supported: convert it": []byte("P3 1 1 255 1 2 3"),
		"ppm: its header is wrong":                                                           []byte("P62 2 255\n123456789012"),
		"ppm: samples up to 0: they go up to 1 at least and to 65535 at most":                []byte("P6 1 1 0 123"),
		"ppm: samples up to 65536: they go up to 1 at least and to 65535 at most":            []byte("P6 1 1 65536 123"),
		"ppm: a number in its header is too large":                                           []byte("P6 1111111111 1 255 123"),
		"100000x100000: more than 178956970 pixels":                                          []byte("P5 100000 100000 255 123"),
		"0x4: an image without pixels":                                                       []byte("P5 0 4 255 "),
	} {
		_, err := NewReader(Options{}).Decode(file)
		assert.EqualError(t, err, want)
		_, err = Decode(file, 3)
		assert.EqualError(t, err, want)
	}
	_, err := Decode(jpeg, 2)
	assert.EqualError(t, err, "vision: decode: channels are 1 or 3")
}

func sampleFile(t testing.TB, name string) []byte {
	t.Helper()
	cases, _ := samples(t)
	for _, c := range cases {
		if c.Name == name {
			return c.File
		}
	}
	require.Fail(t, "no sample "+name)
	return nil
}

// A header that asks for too much is refused without decoding: each file's pixels are those of a small picture, so that
// an attempt to decode would end in another error.
func TestDecodeRefusesBombs(t *testing.T) {
	jpeg, bmp, webp := sampleFile(t, "jpeg 420"), sampleFile(t, "bmp"), sampleFile(t, "webp lossless")
	pngFile, gifFile := sampleFile(t, "png rgb"), sampleFile(t, "gif")
	frame := bytes.Index(jpeg, []byte{0xff, 0xc0})
	copy(jpeg[frame+5:], []byte{0xff, 0xff, 0xff, 0xff})
	binary.BigEndian.PutUint32(pngFile[16:], 65535)
	binary.BigEndian.PutUint32(pngFile[20:], 65535)
	binary.BigEndian.PutUint32(pngFile[29:], crc32.ChecksumIEEE(pngFile[12:29]))
	copy(gifFile[6:], []byte{0xff, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(bmp[18:], 65535)
	binary.LittleEndian.PutUint32(bmp[22:], 65535)
	for name, file := range map[string][]byte{"JPEG": jpeg, "PNG": pngFile, "GIF": gifFile, "BMP": bmp} {
		_, err := Decode(file, 3)
		assert.EqualError(t, err, "65535x65535: more than 178956970 pixels", name)
	}
	copy(webp[bytes.Index(webp, []byte("VP8L"))+9:], []byte{0xff, 0xff, 0xff, 0x0f})
	_, err := Decode(webp, 3)
	assert.EqualError(t, err, "16384x16384: more than 178956970 pixels")

	cases, _ := samples(t)
	small := NewReader(Options{MaxPixels: H*W - 1})
	for _, c := range cases {
		_, err := small.Decode(c.File)
		if c.Height*c.Width >= H*W {
			assert.ErrorContains(t, err, "more than 493 pixels", c.Name)
		} else {
			assert.NoError(t, err, c.Name)
		}
	}
}

// H and W are golden_vision_formats.py's.
const H, W = 19, 26

// A file without its own tables must not be read with those of the file before it.
func TestJPEGWithoutTablesIsRefused(t *testing.T) {
	r := NewReader(Options{})
	for _, name := range []string{"jpeg 420", "jpeg gray", "jpeg cmyk", "jpeg progressive"} {
		file := sampleFile(t, name)
		for _, marker := range []byte{0xc4, 0xdb} {
			at := 2
			for file[at+1] != 0xda { // remove each of them alone
				n := 2 + int(binary.BigEndian.Uint16(file[at+2:]))
				if file[at+1] == marker {
					_, err := r.Decode(file)
					require.NoError(t, err)
					_, err = r.Decode(append(bytes.Clone(file[:at]), file[at+n:]...))
					assert.Error(t, err, "%s without the %02x at %d", name, marker, at)
				}
				at += n
			}
		}
	}
}

// A second header after the pixels must not hide the size of the first.
func TestPNGWithTwoHeadersIsRefused(t *testing.T) {
	file := sampleFile(t, "png rgb")
	end := len(file) - 12
	_, err := Decode(append(append(bytes.Clone(file[:end]), file[8:33]...), file[end:]...), 3)
	assert.EqualError(t, err, "png: its header is wrong")
}

func TestOrientationInEitherByteOrder(t *testing.T) {
	little := []byte("II*\x00\x08\x00\x00\x00\x02\x00" + "\x00\x01\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00" +
		"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00")
	big := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01" + "\x01\x12\x00\x03\x00\x00\x00\x01\x00\x08\x00\x00")
	assert.Equal(t, 6, orientationOf(little))
	assert.Equal(t, 8, orientationOf(big))
	for n := range little { // nothing of this may read past the end
		assert.Equal(t, 1, orientationOf(little[:n]), "%d bytes", n)
	}
	little[30] = 9
	assert.Equal(t, 1, orientationOf(little), "9 is no orientation")
}

// A first frame that covers a part of the canvas lies on the background.
func TestGIFFrameSmallerThanItsCanvas(t *testing.T) {
	frame := image.NewPaletted(image.Rect(2, 1, 4, 2), color.Palette{color.RGBA{200, 40, 20, 255}})
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &gif.GIF{
		Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 5, Height: 3},
	}))
	m, err := NewReader(Options{Background: &[3]byte{1, 2, 3}}).Decode(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, []int{3, 5}, []int{m.Height, m.Width})
	for i := range 15 {
		want := []byte{1, 2, 3}
		if i == 5+2 || i == 5+3 {
			want = []byte{200, 40, 20}
		}
		assert.Equal(t, want, m.Pix[3*i:3*i+3], "pixel %d", i)
	}
}

// FuzzDecode: hostile bytes are an error or a picture of the size they say, never a panic.
func FuzzDecode(f *testing.F) {
	cases, _ := samples(f)
	for _, c := range cases {
		f.Add(c.File)
	}
	r := NewReader(Options{MaxPixels: 1 << 16})
	other := NewReader(Options{MaxPixels: 1 << 16, Channels: 1, CropBefore: 5, FastDecode: true, Background: &[3]byte{1, 2, 3}})
	dst := make([]byte, 8*8*3)
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := r.Decode(file)
		if err == nil && len(m.Pix) != m.Height*m.Width*m.Channels {
			t.Fatalf("%dx%dx%d with %d bytes", m.Height, m.Width, m.Channels, len(m.Pix))
		}
		fitted := r.Fit(dst, file, Square(8))
		if (err == nil) != (fitted == nil) {
			t.Fatalf("decode: %v, fit: %v", err, fitted)
		}
		if other.Fit(dst[:64], file, Square(8)) == nil && err != nil { // which only shrinks while it decodes
			t.Fatalf("decode: %v, fit of its centre: no error", err)
		}
	})
}
