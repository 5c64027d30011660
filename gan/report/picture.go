package report

import (
	"io"

	"forger/data"
	"forger/vision"
)

// gridColumns is how many images a row of a grid has.
const gridColumns = 8

// Picture writes n samples as they lie in bytes, as data of this shape, to the file of a name without its ending: images
// as a grid, points as a NumPy array, float32 [N,D]. It returns the path.
func Picture(name string, of data.Shape, bytes []byte, n int) (path string, err error) {
	if of.IsPoints() {
		path = name + ".npy"
		return path, data.WriteNPY(path, "<f4", []int{n, of.Points}, func(w io.Writer) error {
			_, err := w.Write(bytes)
			return err
		})
	}
	path = name + ".png"
	return path, vision.SavePNG(path, vision.Grid(bytes, n, of.Height, of.Width, of.Channels, gridColumns))
}
