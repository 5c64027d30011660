package vision

import (
	"fmt"
	"image"
	"image/gif"
	"io"
	"math"

	"forger/internal/atomicfile"
)

// encodeGIF writes frames, each uint8 [H,W,C], as an animation that repeats for ever, with delay hundredths of a second
// a frame and hold more for the last. Gray frames (c 1) are exact; RGB frames (c 3) are too while they have at most 256 colours together, else they
// share a palette made over all of them. There is no dithering, which would flicker.
func encodeGIF(w io.Writer, frames [][]byte, height, width, c, delay, hold int) error {
	if err := checkFrames(frames, height, width, c, delay, hold); err != nil {
		return err
	}
	p := &palette{colors: grays()}
	if c == 3 {
		p = newPalette(frames)
	}
	animation := gif.GIF{Config: image.Config{ColorModel: p.colors, Width: width, Height: height}}
	for _, f := range frames {
		animation.Image = append(animation.Image, paletted(f, p, height, width, c))
		animation.Delay = append(animation.Delay, delay)
	}
	animation.Delay[len(frames)-1] += hold
	return gif.EncodeAll(w, &animation)
}

// SaveGIF is encodeGIF to path, whole or not at all.
func SaveGIF(path string, frames [][]byte, height, width, c, delay, hold int) error {
	write := func(w io.Writer) error { return encodeGIF(w, frames, height, width, c, delay, hold) }
	if err := atomicfile.Write(path, write); err != nil {
		return fmt.Errorf("vision: %w", err)
	}
	return nil
}

func checkFrames(frames [][]byte, height, width, c, delay, hold int) error {
	if c != 1 && c != 3 {
		return fmt.Errorf("gif: %d channels: give 1 or 3", c)
	}
	if len(frames) == 0 {
		return fmt.Errorf("gif: no frames: give at least one")
	}
	if height < 1 || width < 1 || max(height, width) > math.MaxUint16 {
		return fmt.Errorf("gif: %dx%d: sides go from 1 to %d", width, height, math.MaxUint16)
	}
	for _, d := range []int{delay, delay + hold} {
		if d < 0 || d > math.MaxUint16 {
			return fmt.Errorf("gif: a delay of %d hundredths of a second: give 0 to %d", d, math.MaxUint16)
		}
	}
	for i, f := range frames {
		if len(f) != height*width*c {
			return fmt.Errorf("gif: frame %d has %d bytes: %dx%dx%d need %d", i, len(f), height, width, c, height*width*c)
		}
	}
	return nil
}

func paletted(frame []byte, p *palette, height, width, c int) *image.Paletted {
	m := &image.Paletted{Pix: frame, Stride: width, Rect: image.Rect(0, 0, width, height), Palette: p.colors}
	if c == 3 {
		m.Pix = make([]byte, width*height)
		for i := range m.Pix {
			m.Pix[i] = p.index(frame[3*i], frame[3*i+1], frame[3*i+2])
		}
	}
	return m
}
