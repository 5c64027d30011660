package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// npyForm is how an array of a type and a rank is read.
type npyForm struct {
	width int // bytes of a number
	holds func(shape []int) Shape
	// decode writes an element of the file as a dataset has it.
	decode func(dst, file []byte, own Shape)
	// number is the first one of b, usable whether it may be in such an array, want what may; nil: any may.
	number func(b []byte) float64
	usable func(v float64) bool
	want   string
}

// npyForms are the arrays that are datasets, by the type of their numbers and their rank.
var npyForms = map[string]map[int]npyForm{
	"<f4": {2: {4, holdsPoints, copyNumbers, float32At, finite, finiteWanted}, 4: {4, holdsPlanes, planesToBytes, float32At, pixel, pixelWanted}},
	"<f8": {2: {8, holdsPoints, narrowNumbers, float64At, finite, finiteWanted}},
	"|u1": {3: {1, holdsGray, copyNumbers, nil, nil, ""}, 4: {1, holdsImages, copyNumbers, nil, nil, ""}},
}

const (
	npyWanted = "as points, float32 or float64 [N,D], or as images, uint8 [N,H,W,C] or [N,H,W] or float32 [N,C,H,W] from -1 to 1"

	finiteWanted = "points have finite numbers, as float32 holds them: mend or remove it"
	pixelWanted  = "images of float32 have numbers from -1 to 1: scale them, or save them as uint8 [N,H,W,C]"
)

func holdsPoints(s []int) Shape { return Shape{Points: s[1]} }
func holdsGray(s []int) Shape   { return Shape{Height: s[1], Width: s[2], Channels: 1} }
func holdsImages(s []int) Shape { return Shape{Height: s[1], Width: s[2], Channels: s[3]} }
func holdsPlanes(s []int) Shape { return Shape{Height: s[2], Width: s[3], Channels: s[1]} }

// form is how the array is read.
func (h npyHead) form() (npyForm, error) {
	ranks, known := npyForms[h.descr]
	switch {
	case h.descr != "" && h.descr[0] == '>':
		return npyForm{}, fmt.Errorf("big-endian numbers of type %q: convert with .astype(%q)", h.descr, "<"+h.descr[1:])
	case !known:
		return npyForm{}, fmt.Errorf("numbers of type %q: save it %s", h.descr, npyWanted)
	}
	form, ok := ranks[len(h.shape)]
	if !ok {
		return form, fmt.Errorf("shape %v of numbers of type %q: save it %s", h.shape, h.descr, npyWanted)
	}
	return form, nil
}

// fills compares the size of the file with what its head says.
func (h npyHead) fills(size int64, width int) error {
	total, err := h.numbers(math.MaxInt64 / 16)
	if err != nil {
		return err
	}
	want := h.size + total*int64(width)
	switch {
	case total == 0:
		return fmt.Errorf("shape %v: it holds nothing: save at least one element", h.shape)
	case size < want:
		return fmt.Errorf("the file is short: %d of %d bytes: write it again", size, want)
	case size > want:
		return fmt.Errorf("the file has %d bytes, its head says %d: save one array in it", size, want)
	}
	return nil
}

// scan reads the numbers, which r has next, and names the first that may not be there.
func (h npyHead) scan(r io.Reader, form npyForm) error {
	buf := make([]byte, 1<<20) // a whole number of them
	for first := int64(0); ; first += int64(len(buf) / form.width) {
		n, err := io.ReadFull(r, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if form.number != nil {
			for at := 0; at < n; at += form.width {
				if v := form.number(buf[at:]); !form.usable(v) {
					return fmt.Errorf("element %s is %v: %s", h.index(first+int64(at/form.width)), v, form.want)
				}
			}
		}
		if err != nil {
			return nil
		}
	}
}

func float32At(b []byte) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
}

func float64At(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// finite tells whether a float32 holds v; NaN is no number that it holds.
func finite(v float64) bool { return math.Abs(float64(float32(v))) <= math.MaxFloat32 }

// pixel tells whether v is in [-1,1], but for what rounding on the way may have added.
func pixel(v float64) bool { return math.Abs(v) <= 1+1e-3 }

func copyNumbers(dst, file []byte, _ Shape) { copy(dst, file) }

func narrowNumbers(dst, file []byte, own Shape) {
	for i := range own.Points {
		putNumber(dst, i, float32(float64At(file[8*i:])))
	}
}

// planesToBytes turns float32 [C,H,W] into uint8 [H,W,C] by the arithmetic that samples become pictures by
// (x.add(1).mul(127.5).round().clamp(0, 255) in PyTorch), each operation rounded to float32.
func planesToBytes(dst, file []byte, own Shape) {
	plane := own.Height * own.Width
	for c := range own.Channels {
		for i := range plane {
			x := math.Float32frombits(binary.LittleEndian.Uint32(file[4*(c*plane+i):]))
			scaled := float32(x+1) * 127.5
			dst[i*own.Channels+c] = byte(min(max(math.RoundToEven(float64(scaled)), 0), 255))
		}
	}
}
