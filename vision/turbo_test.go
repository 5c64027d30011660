//go:build turbojpeg && cgo

package vision

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecoderIsNamedWithItsVersion(t *testing.T) {
	assert.Regexp(t, `^libjpeg-turbo [23](\.\d+\.\d+)?$`, Decoder)
}

// What all readers forgive is forgiven, but not what comes with it.
func TestHarmlessWarnings(t *testing.T) {
	file := sampleFile(t, "jpeg 420")
	want, err := Decode(file, 3)
	require.NoError(t, err)
	at := bytes.Index(file, []byte{0xff, 0xc4}) // between two segments
	odd := append(append(bytes.Clone(file[:at]), "junk"...), file[at:]...)
	got, err := Decode(odd, 3)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	_, err = Decode(odd[:len(odd)-30], 3)
	assert.EqualError(t, err, "the file is truncated")
}

func TestDamageIsAnErrorOfOneLine(t *testing.T) {
	file := bytes.Clone(sampleFile(t, "jpeg progressive"))
	scan := bytes.LastIndex(file, []byte{0xff, 0xda})
	copy(file[scan+14:], []byte{0xff, 0xd9})
	_, err := Decode(file, 3)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "\n")
}

// Decompressors wander between goroutines and are freed by the garbage collector.
func TestManyGoroutinesDecode(t *testing.T) {
	cases, _ := samples(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			r := NewReader(Options{})
			for round := range 5 {
				for _, c := range cases {
					m, err := r.Decode(c.File)
					if !assert.NoError(t, err, c.Name) {
						return
					}
					mean, _ := off(m.Pix, c.RGB)
					assert.Less(t, mean, .3, c.Name)
				}
				if round == 2 {
					runtime.GC()
				}
			}
		})
	}
	all.Wait()
}

func TestJPEGAllocatesNothingOnceWarm(t *testing.T) {
	for _, name := range []string{"jpeg 420", "jpeg gray", "jpeg cmyk", "jpeg orientation 6"} {
		file, dst := sampleFile(t, name), make([]byte, 16*16*3)
		r := NewReader(Options{FastDecode: true, CropBefore: 18})
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if err := r.Fit(dst, file, Square(16)); err != nil {
				t.Error(err)
			}
		}), name)
	}
}

// Shrinking while decoding keeps the picture where it is, also where the shrunk sides are not whole.
func TestFastDecodeIsNearTheWholeDecode(t *testing.T) {
	for _, side := range []int{178, 179, 183, 301} {
		m := image.NewRGBA(image.Rect(0, 0, side, side+41))
		for y := range side + 41 {
			for x := range side {
				v := byte(128 + 100*math.Sin(float64(x)/9)*math.Cos(float64(y)/11))
				m.SetRGBA(x, y, color.RGBA{v, 255 - v, v / 2, 255})
			}
		}
		var b bytes.Buffer
		require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
		for _, o := range []Options{{}, {CropBefore: 177}} {
			for _, size := range []int{16, 25, 64} {
				want, got := make([]byte, size*size*3), make([]byte, size*size*3)
				require.NoError(t, NewReader(o).Fit(want, b.Bytes(), Square(size)))
				o.FastDecode = true
				require.NoError(t, NewReader(o).Fit(got, b.Bytes(), Square(size)))
				assert.NotEqual(t, want, got, "nothing was shrunk")
				mean, _ := off(got, want)
				assert.Less(t, mean, 2., "%d to %d", side, size)
				o.FastDecode = false
			}
		}
	}
}
