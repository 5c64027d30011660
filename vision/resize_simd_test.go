//go:build turbojpeg && cgo

package vision

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fenced is n bytes between pages that may not be touched: what reads or writes beyond the end of them, or more than a
// page before, ends the test program.
func fenced(t *testing.T, n int) []byte {
	t.Helper()
	page := os.Getpagesize()
	body := (n + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, body+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(t, err)
	require.NoError(t, unix.Mprotect(all[:page], unix.PROT_NONE))
	require.NoError(t, unix.Mprotect(all[page+body:], unix.PROT_NONE))
	t.Cleanup(func() { require.NoError(t, unix.Munmap(all)) })
	return all[page+body-n : page+body : page+body]
}

// axis is a part of a side of `side` pixels, as a crop or a decoder that shrinks leaves it.
func axis(random *rand.Rand, side int) part {
	switch random.IntN(3) {
	case 0:
		n := 1 + random.IntN(side)
		return part{first: random.IntN(side - n + 1), in: n, to: float64(n), nominal: n}
	case 1:
		from := random.Float64() * .9
		return part{in: side, from: from, to: from + (float64(side)-from)*(.5+random.Float64()/2), nominal: 2*side - 1}
	}
	return whole(side)
}

// samePasses compares the passes in C with those in Go on a part of a picture.
func samePasses(t *testing.T, m Image, rows, columns part, size int) {
	t.Helper()
	var r Resizer
	c, width := m.Channels, size*m.Channels
	outH, outW := fitted(rows.nominal, columns.nominal, Square(size))
	horizontal, vertical := r.across.of(columns.span(outW, size)), r.down.of(rows.span(outH, size))
	src := m.Pix[(rows.first*m.Width+columns.first)*c:][:((rows.in-1)*m.Width+columns.in)*c]
	got, want := fenced(t, rows.in*width), make([]byte, rows.in*width)
	across(got, src, m.Width*c, rows.in, horizontal, c)
	acrossInGo(want, src, m.Width*c, rows.in, horizontal, c)
	require.Equal(t, want, got, "across: %dx%dx%d, %+v to %d", m.Height, m.Width, c, columns, size)

	lines := want[vertical.bounds[0]*width : (vertical.bounds[2*size-2]+vertical.bounds[2*size-1])*width]
	in := fenced(t, len(lines))
	copy(in, lines)
	got, want = fenced(t, size*width), make([]byte, size*width)
	down(got, in, width, vertical)
	downInGo(want, lines, width, vertical)
	require.Equal(t, want, got, "down: %dx%dx%d, %+v to %d", m.Height, m.Width, c, rows, size)
}

// The passes in C are those in Go, to the bit, for any shape and any part of it, and touch nothing but the picture.
func TestThePassesInCAreThoseInGo(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	shapes := [][3]int{
		{1, 1, 1}, {1, 1, 70}, {2, 1, 1}, {1, 2, 3}, {1, 3, 64}, {5000, 1, 3}, {1, 5000, 3}, {3, 70000, 5}, {40000, 2, 9}, {300, 301, 1}, {64, 64, 64}, {9, 9, 200},
	}
	for range 400 {
		shapes = append(shapes, [3]int{1 + random.IntN(90), 1 + random.IntN(90), 1 + random.IntN(70)})
	}
	for _, shape := range shapes {
		h, w, size := shape[0], shape[1], shape[2]
		for _, c := range []int{1, 3} {
			m := Image{Height: h, Width: w, Channels: c, Pix: fenced(t, h*w*c)}
			for i := range m.Pix {
				m.Pix[i] = byte(random.Uint32())
			}
			samePasses(t, m, whole(h), whole(w), size)
			samePasses(t, m, axis(random, h), axis(random, w), size)
		}
	}
}
