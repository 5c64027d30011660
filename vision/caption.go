package vision

import (
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// captionHeight is how many rows a caption takes.
const captionHeight = 18

// Caption is m with a line of text below it, white on black, cut where m ends.
func Caption(m Image, text string) Image {
	strip := image.NewGray(image.Rect(0, 0, m.Width, captionHeight))
	face := basicfont.Face7x13
	pen := font.Drawer{Dst: draw.Image(strip), Src: image.White, Face: face, Dot: fixed.P(4, (captionHeight+face.Ascent-face.Descent)/2)}
	pen.DrawString(text)
	out := Image{Height: m.Height + captionHeight, Width: m.Width, Channels: m.Channels}
	out.Pix = append(make([]byte, 0, out.Height*out.Width*out.Channels), m.Pix...)
	for _, v := range strip.Pix {
		for range m.Channels {
			out.Pix = append(out.Pix, v)
		}
	}
	return out
}
