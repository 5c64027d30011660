package report

import (
	"io"

	"forger/data"
	"forger/vision"
)

// GridColumns is how many images a row of a grid has.
const GridColumns = 8

// Shown is how many samples of a shape a picture shows: of points PacGAN's number (Lin et al. 2018).
func Shown(of data.Shape) int {
	switch {
	case of.IsPoints():
		return 2500
	case of.Classes > 0: // a row each
		return GridColumns * min(of.Classes, 32)
	}
	return 64
}

// Picture writes samples of a shape to the file of a name without its ending, and returns the path: points as a plot, or
// where they have no picture as a NumPy array, float32 [N,D]; images as a grid. The latter two are the generated ones, or
// the real ones where there are no others.
func Picture(name string, of data.Shape, s Samples) (path string, err error) {
	one := s.Generated
	if len(one) == 0 {
		one = s.Real
	}
	switch {
	case !HasPicture(of):
		path = name + ".npy"
		return path, data.WriteNPY(path, "<f4", []int{len(one) / of.Bytes(), of.Points}, func(w io.Writer) error {
			_, err := w.Write(one)
			return err
		})
	case of.IsPoints():
		path = name + ".png"
		return path, vision.SavePNG(path, s.Plot(of))
	}
	path = name + ".png"
	return path, vision.SavePNG(path, vision.Grid(one, len(one)/of.Bytes(), of.Height, of.Width, of.Channels, GridColumns))
}

// Pairs writes images beside others, each uint8 [N,H,W,C], as a grid to the file of a name without its ending, and returns the
// path: one of the former, one of the latter, and so on.
func Pairs(name string, of data.Shape, images, others []byte) (path string, err error) {
	both, each := make([]byte, 0, 2*len(images)), of.Bytes()
	for i := 0; i < len(images); i += each {
		both = append(append(both, images[i:i+each]...), others[i:i+each]...)
	}
	path = name + ".png"
	return path, vision.SavePNG(path, vision.Grid(both, len(both)/each, of.Height, of.Width, of.Channels, GridColumns))
}
