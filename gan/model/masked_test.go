package model

import (
	"fmt"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maskedCases are the variants of a masked network, each telling so many numbers of an image's each.
var maskedCases = []struct {
	gated          bool
	channels, each int
}{{false, 1, 1}, {false, 3, 2}, {true, 1, 2}, {true, 3, 1}}

func maskedOf(s *torch.Scope, gated bool, channels, each, side int) *Masked {
	return maskedNetwork(NewBuilder(s, 3), Options{Name: "masked", GenWidth: 6, Depth: 2, Gated: gated}, square(side, channels), each)
}

// No number that is told of an image hangs on itself or on what comes after it, and every one hangs on all that comes before it
// in reach: with two gated stacks on all of that, without them on the row so far and on what a stack of square kernels sees.
func TestAMaskedNetworkSeesWhatIsBefore(t *testing.T) {
	const side = 8
	for _, v := range maskedCases {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				m := maskedOf(s, v.gated, v.channels, v.each, side)
				numbers := side * side * v.channels
				order := func(i int) int { // of number i of [C,H,W]
					return i%(side*side)*v.channels + i/(side*side)
				}
				for _, e := range nn.Entries(m) { // one that is cut off by no rectifier
					if !e.Buffer && len(e.Tensor.Shape()) == 1 {
						e.Tensor.Fill(1)
					}
				}
				for out := range numbers {
					c := s.Child()
					x := c.FromDoubles(torchtest.Fill(1, numbers), 1, v.channels, side, side).RequireGrad()
					said := m.Forward(x).Reshape(v.channels, v.each, -1)
					channel, place := out/(side*side), out%(side*side)
					sum := said.Narrow(0, channel, 1).Narrow(2, place, 1).Sum()
					seen := 0
					for in, g := range torch.Grad(sum, false, x)[0].Doubles() {
						if order(in) >= order(out) {
							require.Zero(t, g, "%d sees %d", out, in)
						} else if g != 0 {
							seen++
						}
					}
					if order(out) > 0 {
						require.NotZero(t, seen, "%d sees nothing", out)
					}
					if v.gated && place < 3*side+4 && channel == 0 { // within reach of the first kernels and the layers behind them
						require.Equal(t, reach(place, side)*v.channels, seen, "%d", out)
					}
					c.Close()
				}
			}, torch.Of(torch.Float64))
		})
	}
}

// reach counts the pixels before a place that a stack of a kernel of 7 and one of 3 has in reach: four to each side and above.
func reach(place, side int) (n int) {
	row, column := place/side, place%side
	for i := range place {
		y, x := i/side, i%side
		if row-y <= 4 && column-x <= 4 && x-column <= 4 {
			n++
		}
	}
	return n
}

// A cursor says pixel by pixel what a pass over the whole image says.
func TestACursorSaysWhatAPassSays(t *testing.T) {
	const side, n = 6, 3
	for _, v := range maskedCases {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
				m := maskedOf(s, v.gated, v.channels, v.each, side)
				s = s.Child(torch.NoGrad, torch.Eval)
				x := s.FromDoubles(torchtest.Fill(1, n*v.channels*side*side), n, v.channels, side, side)
				want := m.Forward(x)
				c := m.NewCursor(s.Child(), torch.Tensor{}, n, side, side)
				for row := range side {
					for column := range side {
						pixel := x.Narrow(2, row, 1).Narrow(3, column, 1).Reshape(n, -1)
						for colour := range v.channels {
							known := torch.Cat(1, pixel.Narrow(1, 0, colour), s.Full(9, n, v.channels-colour)) // what is not known is not seen
							got := c.At(row, column, known).Narrow(1, colour*v.each, v.each)
							told := want.Narrow(2, row, 1).Narrow(3, column, 1).Reshape(n, -1).Narrow(1, colour*v.each, v.each)
							torchtest.Close(t, told.Doubles(), got.Doubles(), 1e-12, 1e-12, fmt.Sprint(row, column, colour))
						}
						c.Put(row, column, pixel)
					}
				}
			}, torch.Of(torch.Float64), torch.Layout(torch.ChannelsLast))
		})
	}
}

func TestWhatAMaskedNetworkIsNot(t *testing.T) {
	assert.ErrorContains(t, Options{Name: "mlp", Gated: true}.Check(), "--gated: mlp has no masked convolutions")
	assert.NoError(t, Options{Name: "masked", Gated: true, Depth: 3}.Check())
	assert.NoError(t, Options{Name: "masked"}.CheckShape(data.Shape{Height: 5, Width: 5, Channels: 3}))
}
