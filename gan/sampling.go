package gan

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/gan/method"
	"forger/gan/report"
	"forger/gan/rundir"
	"forger/gan/trainer"
	"forger/internal/atomicfile"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// SampleOptions say what to draw from a checkpoint.
type SampleOptions struct {
	Checkpoint string
	Out        string // a PNG: a grid, of points a plot; of points a .npy or .csv; else a directory: a PNG an image
	N          int    // 0: 64 images, 2,500 points
	Seed       uint64
	Average    bool   // draw from the averaged generator
	Latents    string // a .npy of float32 [N,Z] instead of N and Seed
	Raw        string // also write float32 [N,C,H,W] in [-1,1], of points [N,D], to this .npy
	Device     string

	Seeds      []uint64 // a sample of each, whatever the others are, instead of N and Seed
	Truncation float64  // no number of the noise is farther from 0; 0: no bound

	Complete string // data whose images are completed, instead of N whole ones
	KeepRows int    // of them that stay, from above

	Tell  func(share float64) // how much is drawn, of what takes its time; nil: nobody asks
	Label string              // classes with commas between, as many samples each; "": a row of the picture each
}

// sampleBatch is how many images are drawn at once; it bounds the memory.
const sampleBatch = 64

// check tells what the options show to be wrong. Errors are *setting.UsageError.
func (o SampleOptions) check() error {
	if o.N < 0 {
		return setting.Usagef("--n %d: too small: use 1 or more", o.N)
	}
	if slices.Contains(pictures, strings.ToLower(filepath.Ext(o.Out))) {
		return setting.Usagef("--out %s: pictures are written as PNG: name a .png, or a directory", o.Out)
	}
	return trainer.CheckDevice(o.Device)
}

// Sample draws from a checkpoint's network with its running statistics.
func Sample(ctx context.Context, o SampleOptions) (err error) {
	defer torch.Catch(&err)
	if err := o.check(); err != nil {
		return err
	}
	d, err := openDrawer(ctx, o.Checkpoint, o.Average, o.Device)
	if err != nil {
		return err
	}
	defer d.Root.Close()
	if d.n = o.N; d.n == 0 {
		d.n = report.Shown(d.Shape)
	}
	d.given = o.N > 0 || len(o.Seeds) > 0 || o.Latents != ""
	if err := d.chosen(o); err != nil {
		return err
	}
	if o.Latents != "" {
		if err := d.read(o.Latents); err != nil {
			return err
		}
	}
	if o.Complete != "" {
		if err := d.completed(o); err != nil {
			return err
		}
	}
	d.watched(o.Tell)
	if d.sampler.Classes > 0 || o.Label != "" {
		if err := d.labelled(o.Label); err != nil {
			return err
		}
	}
	if o.Raw == "" {
		return d.save(o.Out)
	}
	return data.WriteNPY(o.Raw, "<f4", append([]int{d.n}, d.Net.Output.Shape...), func(w io.Writer) error {
		d.raw = w
		return d.save(o.Out)
	})
}

// drawer draws n samples in batches, as they are asked for.
type drawer struct {
	*checkpoint.Opened
	sampler method.Sampler
	data    data.Settings // of the run
	ctx     context.Context
	classes []string // of the labels that it learnt
	own     []int32  // labels of images that are completed, where they are of those classes; nil: none
	n       int
	given   bool                                            // the number of samples was asked for
	noise   func(s *torch.Scope, first, n int) torch.Tensor // of n samples, those from first on
	raw     io.Writer                                       // also gets the samples as float32, if it is not nil

	drawn int
	bytes []byte // of the last batch, not read yet
}

// openDrawer loads what samples are drawn from. The caller closes its Root.
func openDrawer(ctx context.Context, path string, average bool, device string) (*drawer, error) {
	path, err := rundir.Newest(path)
	if err != nil {
		return nil, err
	}
	d := &drawer{ctx: ctx}
	d.Opened, err = checkpoint.Open(path, "", average, device, func(config string) (method.Options, data.Shape, error) {
		c, r, err := recorded(config)
		d.data, d.classes = c.Data, r.Classes
		return c.Method, r.Shape(), err
	})
	if err != nil {
		return nil, err
	}
	d.sampler = d.Sampler()
	return d, nil
}

// read takes the noise from a NumPy file.
func (d *drawer) read(path string) error {
	shape, values, err := data.ReadNPY[float32](path)
	if err != nil {
		return err
	}
	z := d.sampler.Width
	if len(shape) == 4 && shape[2] == 1 && shape[3] == 1 { // as PyTorch's networks take them
		shape = shape[:2]
	}
	if len(shape) != 2 || shape[1] != z || shape[0] == 0 {
		return fmt.Errorf("%s: shape %v: this network takes [N,%d]", path, shape, z)
	}
	d.n = shape[0]
	d.noise = func(s *torch.Scope, first, n int) torch.Tensor {
		return d.sampler.Given(s, values[first*z:(first+n)*z])
	}
	return nil
}

// columns is how many samples a row of the picture has.
func (d *drawer) columns() int {
	if d.sampler.Classes > 0 && !d.given {
		return report.GridColumns
	}
	return int(math.Ceil(math.Sqrt(float64(d.n))))
}

// save writes the images into a grid, or each into a file of its own, or with "" nowhere.
func (d *drawer) save(out string) error {
	if out == "" {
		_, err := io.Copy(io.Discard, d)
		return err
	}
	if d.Shape.IsPoints() {
		return d.savePoints(out)
	}
	of := d.Shape
	if strings.EqualFold(filepath.Ext(out), ".png") {
		return vision.SaveGrid(out, d, d.n, of.Height, of.Width, of.Channels, d.columns())
	}
	if strings.EqualFold(filepath.Ext(out), ".npy") {
		return setting.Usagef("--out %s: the network makes images: name a .png or a directory, and the .npy with --raw", out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("--out %s: %w: name a .png, or a directory that can be written", out, atomicfile.Bare(err))
	}
	one := vision.Image{Height: of.Height, Width: of.Width, Channels: of.Channels, Pix: make([]byte, of.Bytes())}
	digits := max(5, len(fmt.Sprint(d.n-1)))
	if err := holdsNoOthers(out, d.n, digits); err != nil {
		return err
	}
	for i := range d.n {
		if _, err := io.ReadFull(d, one.Pix); err != nil {
			return fmt.Errorf("%s: after %d of %d images: %w", out, i, d.n, err)
		}
		if err := writeImage(filepath.Join(out, fmt.Sprintf("%0*d.png", digits, i)), one); err != nil {
			return fmt.Errorf("%s: after %d of %d images: %w: make room and draw again", out, i, d.n, err)
		}
	}
	return nil
}

// pictures are endings of files that nobody means as a directory.
var pictures = []string{".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".svg", ".pdf"}

// holdsNoOthers refuses a directory in which images of another draw would be left among n new ones.
func holdsNoOthers(dir string, n, digits int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("--out %s: %w", dir, atomicfile.Bare(err))
	}
	others := 0
	for _, e := range entries {
		number, is := strings.CutSuffix(e.Name(), ".png")
		i, err := strconv.Atoi(number)
		if is && err == nil && len(number) >= 5 && (len(number) != digits || i >= n) {
			others++
		}
	}
	if others > 0 {
		return fmt.Errorf("--out %s: %d images of another draw would be left among these %d: empty it, or name another directory", dir, others, n)
	}
	return nil
}

// writeImage writes one of many: without the flush to the disk that a file of its own is worth.
func writeImage(path string, m vision.Image) error {
	var b bytes.Buffer
	if err := vision.EncodePNG(&b, m); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		os.Remove(path) // half of an image is worse than none
		return atomicfile.Bare(err)
	}
	return nil
}

// Read yields the pixels of one image after the other, uint8 [H,W,C], and draws the next batch when it needs one.
func (d *drawer) Read(p []byte) (int, error) {
	if len(d.bytes) == 0 {
		if d.drawn == d.n {
			return 0, io.EOF
		}
		if err := d.draw(min(sampleBatch, d.n-d.drawn)); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.bytes)
	d.bytes = d.bytes[n:]
	return n, nil
}

func (d *drawer) draw(n int) (err error) {
	defer torch.Catch(&err)
	if err := d.ctx.Err(); err != nil {
		return err
	}
	s := d.Root.Child()
	defer s.Close()
	x := d.sampler.Sample(d.noise(s, d.drawn, n), d.sampler.Labels(s, d.drawn, n))
	d.bytes, d.drawn = method.Bytes(x, d.Shape), d.drawn+n
	if d.raw == nil {
		return nil
	}
	return binary.Write(d.raw, binary.LittleEndian, x.Floats())
}
