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
	"strings"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/vision"
)

// images draws what the generator makes of latents [N,Z,1,1], with running statistics that stay as they are: uint8
// [N,H,W,C] on the host. No stream of random numbers moves.
func images(s *torch.Scope, gen nn.Module, latents torch.Tensor) []byte {
	c := s.Child(torch.NoGrad, torch.Eval)
	defer c.Close()
	return gen.Forward(c.Use(latents)).Pixels()
}

// SampleOptions say what to draw from a checkpoint.
type SampleOptions struct {
	Checkpoint string
	Out        string // a PNG: a grid; else a directory: a PNG an image
	N          int
	Seed       uint64
	Average    bool   // draw from the averaged generator
	Latents    string // a .npy of float32 [N,Z] instead of N and Seed
	Raw        string // also write float32 [N,C,H,W] in [-1,1] to this .npy
	Device     string
}

// sampleBatch is how many images are drawn at once; it bounds the memory.
const sampleBatch = 64

// Sample draws images from a checkpoint's generator with its running statistics.
func Sample(ctx context.Context, o SampleOptions) (err error) {
	defer torch.Catch(&err)
	g, err := openNetwork(o.Checkpoint, generatorKey(o.Average), o.Device)
	if err != nil {
		return err
	}
	defer g.root.Close()
	d := &drawer{ctx: ctx, openedNetwork: g, n: o.N}
	noise := g.root.NewGenerator(stream(o.Seed, "samples"))
	d.latents = func(s *torch.Scope, _, n int) torch.Tensor {
		return drawLatents(s, noise, g.cfg.Prior, n, g.cfg.Latent)
	}
	if o.Latents != "" {
		if err := d.read(o.Latents); err != nil {
			return err
		}
	}
	if o.Raw == "" {
		return d.save(o.Out)
	}
	return data.WriteNPY(o.Raw, "<f4", []int{d.n, g.cfg.Channels, g.cfg.Size, g.cfg.Size}, func(w io.Writer) error {
		d.raw = w
		return d.save(o.Out)
	})
}

// drawer draws n images in batches, as they are asked for.
type drawer struct {
	*openedNetwork
	ctx     context.Context
	n       int
	latents func(s *torch.Scope, first, n int) torch.Tensor // [n,Z,1,1], those from first on
	raw     io.Writer                                       // also gets the images as float32, if it is not nil

	drawn  int
	pixels []byte // of the last batch, not read yet
}

// read takes the latents from a NumPy file.
func (d *drawer) read(path string) error {
	shape, values, err := data.ReadNPY(path)
	if err != nil {
		return err
	}
	z := d.cfg.Latent
	if len(shape) != 2 || shape[1] != z || shape[0] == 0 {
		return fmt.Errorf("%s: shape %v: this generator takes [N,%d]", path, shape, z)
	}
	d.n = shape[0]
	d.latents = func(s *torch.Scope, first, n int) torch.Tensor {
		return s.FromFloats(values[first*z:(first+n)*z], n, z, 1, 1)
	}
	return nil
}

// save writes the images into a grid, or each into a file of its own.
func (d *drawer) save(out string) error {
	side, c := d.cfg.Size, d.cfg.Channels
	if strings.EqualFold(filepath.Ext(out), ".png") {
		return vision.SaveGrid(out, d, d.n, side, side, c, int(math.Ceil(math.Sqrt(float64(d.n)))))
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("--out %s: %w: name a .png, or a directory that can be written", out, bare(err))
	}
	one := vision.Image{Height: side, Width: side, Channels: c, Pix: make([]byte, side*side*c)}
	digits := max(5, len(fmt.Sprint(d.n-1)))
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

// writeImage writes one of many: without the flush to the disk that a file of its own is worth.
func writeImage(path string, m vision.Image) error {
	var b bytes.Buffer
	if err := vision.EncodePNG(&b, m); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		os.Remove(path) // half of an image is worse than none
		return bare(err)
	}
	return nil
}

// Read yields the pixels of one image after the other, uint8 [H,W,C], and draws the next batch when it needs one.
func (d *drawer) Read(p []byte) (int, error) {
	if len(d.pixels) == 0 {
		if d.drawn == d.n {
			return 0, io.EOF
		}
		if err := d.draw(min(sampleBatch, d.n-d.drawn)); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.pixels)
	d.pixels = d.pixels[n:]
	return n, nil
}

func (d *drawer) draw(n int) (err error) {
	defer torch.Catch(&err)
	if err := d.ctx.Err(); err != nil {
		return err
	}
	s := d.root.Child()
	defer s.Close()
	x := d.net.Forward(d.latents(s, d.drawn, n))
	d.pixels, d.drawn = x.Pixels(), d.drawn+n
	if d.raw == nil {
		return nil
	}
	return binary.Write(d.raw, binary.LittleEndian, x.Floats())
}
