package gan

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"
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
	Out        string // a PNG
	N          int
	Seed       uint64
	Latents    string // a .npy of float32 [N,Z] instead of N and Seed
	Raw        string // also write float32 [N,C,H,W] in [-1,1] to this .npy
	Device     string
}

// sampleBatch is how many images are drawn at once; it bounds the memory.
const sampleBatch = 64

// Sample draws images from a checkpoint's generator with its running statistics.
func Sample(ctx context.Context, o SampleOptions) (err error) {
	defer torch.Catch(&err)
	cfg, state, file, err := openGenerator(o.Checkpoint)
	if err != nil {
		return err
	}
	defer file.Close()
	dev, _, err := OpenDevice(o.Device)
	if err != nil {
		return err
	}
	torch.SetMath(torch.Math{}) // a picture is worth full precision
	root, err := torch.NewScope(torch.On(dev), torch.Layout(torch.ChannelsLast), torch.NoGrad, torch.Eval)
	if err != nil {
		return err
	}
	defer root.Close()
	net := cfg.network(data.Shape{Height: cfg.Size, Width: cfg.Size, Channels: cfg.Channels})
	m, err := lookUp(cfg.Model, net)
	if err != nil {
		return err
	}
	d := drawer{ctx: ctx, root: root, n: o.N, net: net}
	d.gen = m.gen(root, root.NewGenerator(0), net)
	if err := loadState(root, d.gen, state); err != nil {
		return fmt.Errorf("%s: generator: %w: is it a checkpoint of another version?", o.Checkpoint, err)
	}
	noise := root.NewGenerator(stream(o.Seed, "samples"))
	d.latents = func(s *torch.Scope, _, n int) torch.Tensor { return drawLatents(s, noise, cfg.Prior, n, cfg.Latent) }
	if o.Latents != "" {
		if err := d.read(o.Latents); err != nil {
			return err
		}
	}
	root.Seal()
	return d.write(o.Out, o.Raw)
}

// openGenerator reads a checkpoint's config and finds its generator's state. The state is read while the file is open.
func openGenerator(path string) (cfg Config, state *pt.Dict, file *pt.File, err error) {
	if file, err = pt.Open(path); err != nil {
		return cfg, nil, nil, err
	}
	cfg, state, err = generatorOf(file.Root())
	if err != nil {
		return cfg, nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return cfg, state, file, nil
}

func generatorOf(root any) (cfg Config, state *pt.Dict, err error) {
	const remedy = "name one that forger train wrote"
	dict, ok := root.(*pt.Dict)
	if !ok {
		return cfg, nil, errors.New("not a checkpoint of forger: it holds no dict: " + remedy)
	}
	config, _ := dict.Get("config")
	text, isText := config.(string)
	value, _ := dict.Get("generator")
	state, isDict := value.(*pt.Dict)
	if !isText || !isDict {
		return cfg, nil, errors.New("not a checkpoint of forger: it has no config and generator: " + remedy)
	}
	cfg, err = savedConfig(text)
	return cfg, state, err
}

// savedConfig reads the settings that a checkpoint keeps.
func savedConfig(text string) (Config, error) {
	cfg := DefaultConfig()
	var saved map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		return cfg, fmt.Errorf("its config is damaged: %w", err)
	}
	for _, f := range cfg.Fields() {
		if raw, ok := saved[f.Name]; ok {
			if err := json.Unmarshal(raw, f.Value); err != nil {
				return cfg, fmt.Errorf("its config is damaged: %s: %w", f.Name, err)
			}
		}
	}
	return cfg, cfg.Validate()
}

// drawer draws n images in batches.
type drawer struct {
	ctx     context.Context
	root    *torch.Scope
	gen     nn.Module
	net     Network
	n       int
	latents func(s *torch.Scope, first, n int) torch.Tensor // [n,Z,1,1], those from first on
}

// read takes the latents from a NumPy file.
func (d *drawer) read(path string) error {
	shape, values, err := data.ReadNPY(path)
	if err != nil {
		return err
	}
	z := d.net.Latent
	if len(shape) != 2 || shape[1] != z || shape[0] == 0 {
		return fmt.Errorf("%s: shape %v: this generator takes [N,%d]", path, shape, z)
	}
	d.n = shape[0]
	d.latents = func(s *torch.Scope, first, n int) torch.Tensor {
		return s.FromFloats(values[first*z:(first+n)*z], n, z, 1, 1)
	}
	return nil
}

// write draws the images into a grid and, where raw is named, as numbers into a NumPy file.
func (d *drawer) write(out, raw string) error {
	n, side := d.net, d.net.Size
	pixels := make([]byte, 0, d.n*side*side*n.Channels)
	if raw == "" {
		if err := d.draw(&pixels, nil); err != nil {
			return err
		}
	} else if err := data.WriteNPY(raw, "<f4", []int{d.n, n.Channels, side, side}, func(w io.Writer) error {
		return d.draw(&pixels, w)
	}); err != nil {
		return err
	}
	columns := int(math.Ceil(math.Sqrt(float64(d.n))))
	return vision.SavePNG(out, vision.Grid(pixels, d.n, side, side, n.Channels, columns))
}

func (d *drawer) draw(pixels *[]byte, raw io.Writer) error {
	for first := 0; first < d.n; first += sampleBatch {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		s := d.root.Child()
		x := d.gen.Forward(d.latents(s, first, min(sampleBatch, d.n-first)))
		*pixels = append(*pixels, x.Pixels()...)
		if raw != nil {
			var b bytes.Buffer
			if err := binary.Write(&b, binary.LittleEndian, x.Floats()); err != nil {
				return err
			}
			if _, err := raw.Write(b.Bytes()); err != nil {
				return err
			}
		}
		s.Close()
	}
	return nil
}
