//go:build turbojpeg && cgo

package vision

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The passes in C are those in Go, to the bit, for any shape, and read nothing beyond the picture.
func TestThePassesInCAreThoseInGo(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		h, w, size := 1+random.IntN(90), 1+random.IntN(90), 1+random.IntN(70)
		c := []int{1, 3}[random.IntN(2)]
		m := Image{Height: h, Width: w, Channels: c, Pix: make([]byte, h*w*c)}
		for i := range m.Pix {
			m.Pix[i] = byte(random.Uint32())
		}
		var r Resizer
		outH, outW := fitted(h, w, size)
		k := r.across.of(whole(w).span(outW, size))
		got, want := make([]byte, h*size*c), make([]byte, h*size*c)
		across(got, m.Pix, w*c, h, k, c)
		acrossInGo(want, m.Pix, w*c, h, k, c)
		if !assert.Equal(t, want, got, "across: %dx%dx%d to %d", h, w, c, size) {
			return
		}
		v := r.down.of(whole(h).span(outH, size))
		first := v.bounds[0] * size * c
		a, b := make([]byte, size*size*c), make([]byte, size*size*c)
		down(a, got[first:], size*c, v)
		downInGo(b, got[first:], size*c, v)
		if !assert.Equal(t, b, a, "down: %dx%dx%d to %d", h, w, c, size) {
			return
		}
	}
}
