package gan

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"forger/gan/trainer"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// InterpolateOptions say which walk to draw.
type InterpolateOptions struct {
	Checkpoint string
	Out        string // .gif: animated; .png: a strip, the walk from left to right
	Frames     int    // 0: 60 of a .gif, 10 of a strip
	Seed       uint64
	From, To   string // pictures between whose latents is walked; "": between latents that are drawn
	Average    bool
	Device     string

	Label   string // the class, of a network that learnt labels; "": another with each walk
	ToLabel string // the class to walk to, each walk at one latent; "": it walks through the latents
}

const (
	gifSide    = 4  // walks across and down in a .gif
	stripWalks = 8  // walks of a strip, one below the other (Radford et al. 2016, figure 4)
	corners    = 4  // latents that a .gif's walks pass on their way round
	gifDelay   = 10 // hundredths of a second a frame
)

// Interpolate draws a walk through the latent space: from one latent to another, and on, by the way that their
// distribution asks for.
func Interpolate(ctx context.Context, o InterpolateOptions) (err error) {
	defer torch.Catch(&err)
	if err := trainer.CheckDevice(o.Device); err != nil {
		return err
	}
	gif := strings.EqualFold(filepath.Ext(o.Out), ".gif")
	if !gif && !strings.EqualFold(filepath.Ext(o.Out), ".png") {
		return setting.Usagef("--out %s: neither .gif nor .png: name one of them", o.Out)
	}
	if o.Frames == 0 {
		o.Frames = 10
		if gif {
			o.Frames = 60
		}
	}
	if o.Frames < 2 {
		return setting.Usagef("--frames %d: too few: use 2 or more", o.Frames)
	}
	if (o.From == "") != (o.To == "") {
		return setting.Usagef("--from %q --to %q: a walk has two ends: name both pictures", o.From, o.To)
	}
	d, err := openDrawer(ctx, o.Checkpoint, o.Average, o.Device)
	if err != nil {
		return err
	}
	defer d.Root.Close()
	switch {
	case d.Shape.IsPoints():
		return fmt.Errorf("%s: it makes points, and a walk is of pictures: use forger sample", o.Checkpoint)
	case d.sampler.Path == nil:
		return fmt.Errorf("%s: a %s has no latent space: there is nothing to walk through", o.Checkpoint, d.Options.Method)
	}
	r, err := d.route(o.Label, o.ToLabel)
	switch {
	case err != nil:
		return err
	case o.From != "":
		return d.between(o, r, gif)
	case gif:
		return d.animate(o, r)
	}
	return d.strip(o, r)
}

// strip draws walks below each other, from a latent on the left to another on the right.
func (d *drawer) strip(o InterpolateOptions, r route) error {
	ends := d.walkers(o.Seed, 2, stripWalks)
	of := d.Shape
	pixels := make([]byte, 0, stripWalks*o.Frames*of.Bytes())
	for walk := range stripWalks {
		var path places
		for frame := range o.Frames {
			at := float64(frame) / float64(o.Frames-1)
			latent := ends[0][walk]
			if !r.turns {
				latent = d.sampler.Path(latent, ends[1][walk], at)
			}
			path.latents, path.shares = append(path.latents, latent...), append(path.shares, r.shares(walk, at)...)
		}
		drawn, err := d.drawAt(path)
		if err != nil {
			return err
		}
		pixels = append(pixels, drawn...)
	}
	return vision.SavePNG(o.Out, vision.Grid(pixels, stripWalks*o.Frames, of.Height, of.Width, of.Channels, o.Frames))
}

// animate draws a grid of walks at each frame; they end where they began, so that the picture goes round.
func (d *drawer) animate(o InterpolateOptions, r route) error {
	const walks = gifSide * gifSide
	stops := d.walkers(o.Seed, corners, walks)
	of := d.Shape
	frames := make([][]byte, o.Frames)
	var grid vision.Image
	for frame := range frames {
		place := float64(frame) / float64(o.Frames) * corners
		from := int(place)
		var now places
		for walk := range walks {
			at := place - float64(from)
			latent := stops[0][walk]
			if !r.turns {
				latent = d.sampler.Path(stops[from][walk], stops[(from+1)%corners][walk], at)
			} else if from%2 == 1 { // and back
				at = 1 - at
			}
			now.latents, now.shares = append(now.latents, latent...), append(now.shares, r.shares(walk, at)...)
		}
		drawn, err := d.drawAt(now)
		if err != nil {
			return err
		}
		grid = vision.Grid(drawn, walks, of.Height, of.Width, of.Channels, gifSide)
		frames[frame] = grid.Pix
	}
	return vision.SaveGIF(o.Out, frames, grid.Height, grid.Width, grid.Channels, gifDelay, 0)
}

// places are what samples are drawn at: latents and, where labels were learnt, shares of the classes, one after the other.
type places struct{ latents, shares []float32 }

// walkers draws the latents that n walks stop at: [stops][n][Z].
func (d *drawer) walkers(of uint64, stops, n int) [][][]float32 {
	noise := d.Root.NewGenerator(seed.Of(of, "samples"))
	all := make([][][]float32, stops)
	for i := range all {
		s := d.Root.Child()
		values := d.sampler.Noise(s, noise, n).Floats()
		s.Close()
		for k := range n {
			all[i] = append(all[i], values[k*d.sampler.Width:(k+1)*d.sampler.Width])
		}
	}
	return all
}

// drawAt draws the images at places, one after the other: uint8 [N,H,W,C].
func (d *drawer) drawAt(p places) (pixels []byte, err error) {
	defer torch.Catch(&err)
	z, k := d.sampler.Width, d.sampler.Classes
	for len(p.latents) > 0 {
		if err := d.ctx.Err(); err != nil {
			return nil, fmt.Errorf("interpolate: %w", err)
		}
		n := min(sampleBatch, len(p.latents)/z)
		s := d.Root.Child()
		var labels torch.Tensor
		if k > 0 {
			labels = s.FromFloats(p.shares[:n*k], n, k)
		}
		pixels = append(pixels, d.sampler.Sample(d.sampler.Given(s, p.latents[:n*z]), labels).Pixels()...)
		s.Close()
		p.latents, p.shares = p.latents[n*z:], p.shares[n*k:]
	}
	return pixels, nil
}
