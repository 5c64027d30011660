package vision

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Fit is Decode and then Resizer.Fit, in gray and in colour, whatever the file has.
func TestFitIsDecodeAndResize(t *testing.T) {
	cases, _ := samples(t)
	for _, channels := range []int{1, 3} {
		r, whole := NewReader(Options{Channels: channels}), NewReader(Options{Channels: channels})
		var resizer Resizer
		for _, c := range cases {
			m, err := whole.Decode(c.File)
			require.NoError(t, err)
			want, got := make([]byte, 11*11*channels), make([]byte, 11*11*channels)
			resizer.Fit(want, m, Square(11))
			require.NoError(t, r.Fit(got, c.File, Square(11)))
			assert.Equal(t, want, got, "%s, %d channels", c.Name, channels)
		}
	}
}

// Cropping before the resize is resizing a file that was cropped: nothing outside bleeds in.
func TestCropBeforeIsACrop(t *testing.T) {
	file := sampleFile(t, "png rgb")
	m, err := Decode(file, 3)
	require.NoError(t, err)
	for _, n := range []int{12, 13, 19} {
		top, left := halfEven(m.Height-n), halfEven(m.Width-n)
		cropped := Image{Height: n, Width: n, Channels: 3}
		for y := range n {
			at := ((top+y)*m.Width + left) * 3
			cropped.Pix = append(cropped.Pix, m.Pix[at:at+3*n]...)
		}
		for _, size := range []int{5, 13, 20} {
			var resizer Resizer
			want, got := make([]byte, size*size*3), make([]byte, size*size*3)
			resizer.Fit(want, cropped, Square(size))
			require.NoError(t, NewReader(Options{CropBefore: n}).Fit(got, file, Square(size)))
			assert.Equal(t, want, got, "%d to %d", n, size)
		}
	}
	err = NewReader(Options{CropBefore: 20}).Fit(make([]byte, 48), file, Square(4))
	assert.EqualError(t, err, "26x19: smaller than the 20x20 that are to be cropped before the resize")
}

// Decode's pixels are the caller's own.
func TestDecodeSharesNothing(t *testing.T) {
	a, err := Decode(sampleFile(t, "png rgb"), 3)
	require.NoError(t, err)
	before := string(a.Pix)
	_, err = Decode(sampleFile(t, "png rgba"), 3)
	require.NoError(t, err)
	assert.Equal(t, before, string(a.Pix))
}

// A line of pixels would be millions long once its short side fits; only what the crop keeps is computed.
func TestFitOfALineNeedsLittleMemory(t *testing.T) {
	m := Image{Pix: make([]byte, 1<<20), Height: 1, Width: 1 << 20, Channels: 1}
	for i := range m.Pix {
		m.Pix[i] = byte(i >> 12)
	}
	var r Resizer
	dst := make([]byte, 64*64)
	r.Fit(dst, m, Square(64))
	assert.Less(t, cap(r.scratch), 1<<10)
	for _, v := range dst { // the middle lies between pixels 524287 and 524288
		require.InDelta(t, 127.5, v, .6)
	}
}

// Filters that were dropped for others are made again, the same.
func TestKernelsComeBack(t *testing.T) {
	var r Resizer
	fit := func(w int) []byte {
		dst := make([]byte, 6*6*3)
		r.Fit(dst, pattern(20, w, 3), Square(6))
		return dst
	}
	want := fit(20)
	for w := range 200 {
		fit(21 + w)
	}
	assert.Equal(t, want, fit(20))
	w, m := 0, pattern(20, 220, 3)
	assert.Zero(t, testing.AllocsPerRun(200, func() { // every image of another size
		r.Fit(want, Image{Pix: m.Pix, Height: 20, Width: 20 + w%200, Channels: 3}, Square(6))
		w++
	}))
}
