package gan

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"forger/torch"
	"forger/vision"
)

// InterpolateOptions say which walk to draw.
type InterpolateOptions struct {
	Checkpoint string
	Out        string // .gif: animated; .png: a strip, the walk from left to right
	Frames     int    // 0: 60 of a .gif, 10 of a strip
	Seed       uint64
	Average    bool
	Device     string
}

const (
	gifSide    = 4  // walks across and down in a .gif
	stripWalks = 8  // walks of a strip, one below the other (Radford et al. 2016, figure 4)
	corners    = 4  // latents that a .gif's walks pass on their way round
	gifDelay   = 10 // hundredths of a second a frame
)

// Interpolate draws a walk through the latent space: from one latent to another, and on. Latents of a normal prior are
// joined along the sphere (White 2016, "Sampling generative networks"), since a straight line passes where none lie.
func Interpolate(ctx context.Context, o InterpolateOptions) (err error) {
	defer torch.Catch(&err)
	gif := strings.EqualFold(filepath.Ext(o.Out), ".gif")
	if !gif && !strings.EqualFold(filepath.Ext(o.Out), ".png") {
		return usagef("--out %s: neither .gif nor .png: name one of them", o.Out)
	}
	if o.Frames == 0 {
		o.Frames = 10
		if gif {
			o.Frames = 60
		}
	}
	if o.Frames < 2 {
		return usagef("--frames %d: too few: use 2 or more", o.Frames)
	}
	g, err := openNetwork(o.Checkpoint, generatorKey(o.Average), o.Device)
	if err != nil {
		return err
	}
	defer g.root.Close()
	if gif {
		return g.animate(ctx, o)
	}
	return g.strip(ctx, o)
}

// strip draws walks below each other, from a latent on the left to another on the right.
func (g *openedNetwork) strip(ctx context.Context, o InterpolateOptions) error {
	ends := g.walkers(o.Seed, 2, stripWalks)
	side, c := g.cfg.Size, g.cfg.Channels
	pixels := make([]byte, 0, stripWalks*o.Frames*side*side*c)
	for walk := range stripWalks {
		path := make([]float32, 0, o.Frames*g.cfg.Latent)
		for frame := range o.Frames {
			at := float64(frame) / float64(o.Frames-1)
			path = append(path, g.between(ends[0][walk], ends[1][walk], at)...)
		}
		drawn, err := g.drawAt(ctx, path)
		if err != nil {
			return err
		}
		pixels = append(pixels, drawn...)
	}
	return vision.SavePNG(o.Out, vision.Grid(pixels, stripWalks*o.Frames, side, side, c, o.Frames))
}

// animate draws a grid of walks at each frame; they end where they began, so that the picture goes round.
func (g *openedNetwork) animate(ctx context.Context, o InterpolateOptions) error {
	const walks = gifSide * gifSide
	stops := g.walkers(o.Seed, corners, walks)
	side, c := g.cfg.Size, g.cfg.Channels
	frames := make([][]byte, o.Frames)
	var grid vision.Image
	for frame := range frames {
		place := float64(frame) / float64(o.Frames) * corners
		from := int(place)
		latents := make([]float32, 0, walks*g.cfg.Latent)
		for walk := range walks {
			latents = append(latents, g.between(stops[from][walk], stops[(from+1)%corners][walk], place-float64(from))...)
		}
		drawn, err := g.drawAt(ctx, latents)
		if err != nil {
			return err
		}
		grid = vision.Grid(drawn, walks, side, side, c, gifSide)
		frames[frame] = grid.Pix
	}
	return vision.SaveGIF(o.Out, frames, grid.Height, grid.Width, grid.Channels, gifDelay)
}

// walkers draws the latents that n walks stop at: [stops][n][Z].
func (g *openedNetwork) walkers(seed uint64, stops, n int) [][][]float32 {
	noise := g.root.NewGenerator(stream(seed, "samples"))
	all := make([][][]float32, stops)
	for i := range all {
		s := g.root.Child()
		values := drawLatents(s, noise, g.cfg.Prior, n, g.cfg.Latent).Floats()
		s.Close()
		for k := range n {
			all[i] = append(all[i], values[k*g.cfg.Latent:(k+1)*g.cfg.Latent])
		}
	}
	return all
}

// between is the latent at t in [0,1] on the way from a to b.
func (g *openedNetwork) between(a, b []float32, t float64) []float32 {
	wa, wb := 1-t, t
	if g.cfg.Prior == "normal" {
		wa, wb = spherical(a, b, t)
	}
	z := make([]float32, len(a))
	for i := range z {
		z[i] = float32(wa*float64(a[i]) + wb*float64(b[i]))
	}
	return z
}

// spherical is the weights of a and b at t on the great arc between them; of the straight line where there is no arc.
func spherical(a, b []float32, t float64) (wa, wb float64) {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	angle := math.Acos(max(-1, min(1, dot/math.Sqrt(aa*bb))))
	if !(math.Sin(angle) > 1e-6) {
		return 1 - t, t
	}
	return math.Sin((1-t)*angle) / math.Sin(angle), math.Sin(t*angle) / math.Sin(angle)
}

// drawAt draws the images of latents, one after the other: uint8 [N,H,W,C].
func (g *openedNetwork) drawAt(ctx context.Context, latents []float32) (pixels []byte, err error) {
	defer torch.Catch(&err)
	z := g.cfg.Latent
	for len(latents) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("interpolate: %w", err)
		}
		n := min(sampleBatch, len(latents)/z)
		s := g.root.Child()
		pixels = append(pixels, g.net.Forward(s.FromFloats(latents[:n*z], n, z, 1, 1)).Pixels()...)
		s.Close()
		latents = latents[n*z:]
	}
	return pixels, nil
}
