package data

import (
	"encoding/binary"
	"fmt"
	"math"

	"forger/vision"
)

// Shape is the form of every element of a dataset: an image, uint8 [H,W,C], or a point, float32 [D] in little-endian
// bytes, of which all but Points is 0.
type Shape struct {
	Height, Width, Channels int
	Points                  int // D; 0: images
	Classes                 int // of the labels that go with the elements where a model learns them; datasets leave it 0
}

// asked is the shape of the images that o asks for.
func asked(o Options) Shape {
	return Shape{Height: o.Size.Height, Width: o.Size.Width, Channels: o.Channels}
}

// Size is the height and width of images.
func (s Shape) Size() vision.Size { return vision.Size{Height: s.Height, Width: s.Width} }

// IsPoints tells points from images.
func (s Shape) IsPoints() bool { return s.Points > 0 }

// Bytes is the size of an element.
func (s Shape) Bytes() int {
	if s.IsPoints() {
		return 4 * s.Points
	}
	return s.Height * s.Width * s.Channels
}

// String is the shape as a person is told it, e.g. "28x28x1 (height, width, channels)" or "2 numbers".
func (s Shape) String() string {
	switch {
	case s.Points == 1:
		return "1 number"
	case s.IsPoints():
		return fmt.Sprintf("%d numbers", s.Points)
	}
	return fmt.Sprintf("%dx%dx%d (height, width, channels)", s.Height, s.Width, s.Channels)
}

// putNumber writes number i of a point.
func putNumber(point []byte, i int, v float32) {
	binary.LittleEndian.PutUint32(point[4*i:], math.Float32bits(v))
}
