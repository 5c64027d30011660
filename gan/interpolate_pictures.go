package gan

import (
	"fmt"
	"os"
	"slices"

	"forger/gan/method"
	"forger/internal/atomicfile"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// between draws the walk between the latents of two pictures: as a strip between the pictures themselves, or there and back.
// Where labels were learnt, they are of the classes of r's ends.
func (d *drawer) between(o InterpolateOptions, r route, gif bool) error {
	of, ok := d.Likelihood()
	if !ok || of.Encode == nil {
		return setting.Usagef("--from %s: a %s does not tell the latents of a picture: it needs a vae", o.From, d.Options.Method)
	}
	if r.classes > 0 && r.from < 0 {
		return setting.Usagef("--from %s: the network tells latents given the class, which a picture does not name: add --label, and --to-label where the other end's is another", o.From)
	}
	var pictures [2][]byte
	var ends [2][]float32
	for i, path := range []string{o.From, o.To} {
		var err error
		if pictures[i], err = d.readPicture(path); err != nil {
			return err
		}
		if ends[i], err = d.latentsOf(pictures[i], r.shares(0, float64(i)), of.Encode); err != nil {
			return err
		}
	}
	frames := make([][]byte, o.Frames)
	for i := range frames {
		at := float64(i) / float64(o.Frames-1)
		if gif { // it goes round
			at = 1 - 2*max(float64(i)/float64(o.Frames)-.5, .5-float64(i)/float64(o.Frames))
		}
		var err error
		if frames[i], err = d.drawAt(places{d.sampler.Path(ends[0], ends[1], at), r.shares(0, at)}); err != nil {
			return err
		}
	}
	shape := d.Shape
	if gif {
		return vision.SaveGIF(o.Out, frames, shape.Height, shape.Width, shape.Channels, gifDelay, 0)
	}
	strip := slices.Concat(pictures[0], slices.Concat(frames...), pictures[1])
	return vision.SavePNG(o.Out, vision.Grid(strip, o.Frames+2, shape.Height, shape.Width, shape.Channels, o.Frames+2))
}

// readPicture is a file as the network takes it, uint8 [H,W,C].
func (d *drawer) readPicture(path string) ([]byte, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: name a picture", path, atomicfile.Bare(err))
	}
	pixels := make([]byte, d.Shape.Bytes())
	if err := vision.NewReader(vision.Options{Channels: d.Shape.Channels}).Fit(pixels, file, d.Shape.Size()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pixels, nil
}

// latentsOf are those of a picture of a class, which shares say where labels were learnt.
func (d *drawer) latentsOf(pixels []byte, shares []float32, encode func(method.Batch) torch.Tensor) (z []float32, err error) {
	defer torch.Catch(&err)
	s := d.Root.Child()
	defer s.Close()
	b := method.Batch{X: s.Images(pixels, 1, d.Shape.Height, d.Shape.Width, d.Shape.Channels)}
	if len(shares) > 0 {
		b.Labels = s.FromFloats(shares, 1, len(shares))
	}
	return encode(b).Floats(), nil
}
