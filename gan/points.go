package gan

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"forger/data"
	"forger/gan/report"
	"forger/internal/atomicfile"
	"forger/internal/setting"
	"forger/vision"
)

// savePoints writes the points: as an array, as a table or as a picture.
func (d *drawer) savePoints(out string) error {
	switch ext := strings.ToLower(filepath.Ext(out)); {
	case ext == ".npy":
		return data.WriteNPY(out, "<f4", []int{d.n, d.Shape.Points}, func(w io.Writer) error {
			_, err := io.Copy(w, d)
			return err
		})
	case ext == ".csv":
		return atomicfile.Write(out, d.table)
	case ext == ".png" && report.HasPicture(d.Shape):
		return d.picture(out)
	case ext == ".png":
		return setting.Usagef("--out %s: points of %s have no picture: name a .npy or a .csv", out, d.Shape)
	}
	return setting.Usagef("--out %s: the network makes points: name a .npy, a .csv or a .png", out)
}

// table writes comma-separated values under a heading, x1,x2 and so on, with as many digits as tell float32 apart.
func (d *drawer) table(w io.Writer) error {
	b := bufio.NewWriter(w)
	for k := range d.Shape.Points {
		fmt.Fprintf(b, "%sx%d", comma(k), k+1)
	}
	fmt.Fprintln(b)
	point := make([]byte, d.Shape.Bytes())
	for range d.n {
		if _, err := io.ReadFull(d, point); err != nil {
			return err
		}
		for k := range d.Shape.Points {
			v := math.Float32frombits(binary.LittleEndian.Uint32(point[4*k:]))
			fmt.Fprint(b, comma(k), strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
		fmt.Fprintln(b)
	}
	return b.Flush()
}

func comma(k int) string {
	if k == 0 {
		return ""
	}
	return ","
}

// picture draws the points beside as many real ones, where the run drew those from what needs no file.
func (d *drawer) picture(out string) error {
	points, err := io.ReadAll(d)
	if err != nil {
		return err
	}
	s := report.Samples{Generated: points, Mixture: data.MixtureOf(d.data.Spec), Scope: d.Root.Child(), Sampler: d.sampler, Judge: d.Judge}
	defer s.Scope.Close()
	if s.Mixture != nil {
		if s.Real, err = d.real(); err != nil {
			return err
		}
	}
	return vision.SavePNG(out, s.Plot(d.Shape))
}

// real is as many points of the data.
func (d *drawer) real() ([]byte, error) {
	ds, err := d.data.Open(0, 0)
	if err != nil {
		return nil, err
	}
	defer ds.Close()
	points, _, err := data.Preview(d.ctx, ds, d.n, 0)
	return points, err
}
