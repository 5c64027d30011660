package vision

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func pngChunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// rawPNG is a PNG of these filtered rows, with an IDAT every piece bytes.
func rawPNG(t *testing.T, w, h int, kind byte, rows []byte, piece int, extra ...[]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, err := z.Write(rows)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	file := append([]byte(pngMagic), pngChunk("IHDR", append(head, 8, kind, 0, 0, 0))...)
	file = append(file, bytes.Join(extra, nil)...)
	for data := packed.Bytes(); len(data) > 0; {
		n := min(piece, len(data))
		file, data = append(file, pngChunk("IDAT", data[:n])...), data[n:]
	}
	return append(file, pngChunk("IEND", nil)...)
}

// Every filter of every row, for every kind of pixel, as image/png undoes it.
func TestPNGFilters(t *testing.T) {
	const w, h = 7, 9
	random := rand.New(rand.NewPCG(1, 2))
	r, other := NewReader(Options{}), NewReader(Options{})
	palette := make([]byte, 3*256)
	for i := range palette {
		palette[i] = byte(random.Uint32())
	}
	for kind, step := range map[byte]int{pngGray: 1, pngRGB: 3, pngPalette: 1, pngGrayAlpha: 2, pngRGBA: 4} {
		for filter := range byte(6) {
			var rows []byte
			for range h {
				f := filter
				if f == 5 { // all of them in turn
					f = byte(random.IntN(5))
				}
				rows = append(rows, f)
				for range w * step {
					rows = append(rows, byte(random.Uint32()))
				}
			}
			var extra [][]byte
			if kind == pngPalette {
				extra = [][]byte{pngChunk("PLTE", palette), pngChunk("tRNS", palette[:20])}
			}
			file := rawPNG(t, w, h, kind, rows, 11, extra...)
			m, err := png.Decode(bytes.NewReader(file))
			require.NoError(t, err)
			want := other.flat(m, m.Bounds())
			head, err := parsePNG(file)
			require.NoError(t, err)
			require.True(t, head.plain())
			got, err := r.plainPNG(file, &head)
			require.NoError(t, err)
			assert.Equal(t, want.Image, got.Image, "colour type %d, filter %d", kind, filter)
		}
	}
}

func TestPNGDamage(t *testing.T) {
	rows := bytes.Repeat([]byte{0, 1, 2, 3}, 4) // four rows of three gray pixels
	for want, file := range map[string][]byte{
		"png: an unknown filter: the file is damaged":                rawPNG(t, 3, 4, pngGray, append([]byte{9}, rows[1:]...), 99),
		"png: more pixels than its header says: the file is damaged": rawPNG(t, 3, 3, pngGray, rows, 99),
		"the file is truncated":                                      rawPNG(t, 3, 5, pngGray, rows, 99),
		"png: invalid format: not enough pixel data":                 rawPNG(t, 3, 5, pngRGB, rows, 99, pngChunk("tRNS", make([]byte, 6))),
	} {
		_, err := Decode(file, 1)
		assert.EqualError(t, err, want)
	}
	_, err := Decode(scatter(rawPNG(t, 3, 4, pngGray, rows, 5)), 1)
	assert.ErrorContains(t, err, "png: invalid format")
	file := rawPNG(t, 3, 4, pngGray, rows, 1<<10)
	at := bytes.Index(file, []byte("IDAT"))
	n := int(binary.BigEndian.Uint32(file[at-4:]))
	file[at+4+n-1] ^= 1 // zlib's own checksum
	binary.BigEndian.PutUint32(file[at+4+n:], crc32.ChecksumIEEE(file[at:at+4+n]))
	_, err = Decode(file, 1)
	assert.EqualError(t, err, "png: zlib: invalid checksum: the file is damaged")
}

// scatter puts another chunk between the second IDAT and the third.
func scatter(file []byte) []byte {
	at := len(pngMagic) + 25 + 2*(12+5)
	return append(append(bytes.Clone(file[:at]), pngChunk("tEXt", []byte("a\x00b"))...), file[at:]...)
}
