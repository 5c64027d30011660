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

// maskedCase is a variant of a masked network, which tells so many numbers of an image's each; with classes it is told labels.
type maskedCase struct {
	gated                   bool
	channels, each, classes int
}

var maskedCases = []maskedCase{{false, 1, 1, 0}, {false, 3, 2, 0}, {true, 1, 2, 0}, {true, 3, 1, 0}, {false, 3, 1, 3}, {true, 1, 1, 2}, {true, 3, 2, 3}}

// network is one in which classes have biases that differ.
func (v maskedCase) network(s *torch.Scope, side int) *Masked {
	of := square(side, v.channels)
	of.Classes = v.classes
	m := maskedNetwork(NewBuilder(s, 3), Options{Name: "masked", GenWidth: 6, Depth: 2, Gated: v.gated}, of, v.each)
	c := s.Child(torch.NoGrad)
	defer c.Close()
	for i, e := range nn.Entries(m) {
		if shape := e.Tensor.Shape(); len(shape) == 2 {
			e.Tensor.CopyFrom(c.FromDoubles(torchtest.Fill(i, torchtest.Count(shape)), shape...).MulScalar(.5))
		}
	}
	return m
}

// uncut has no rectifier cut anything off.
func uncut(m nn.Module) {
	for _, e := range nn.Entries(m) {
		if !e.Buffer && len(e.Tensor.Shape()) == 1 {
			e.Tensor.Fill(1)
		}
	}
}

// labels are n in turn; the zero Tensor where the network is told none.
func (v maskedCase) labels(s *torch.Scope, n int) (x torch.Tensor) {
	if v.classes == 0 {
		return x
	}
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i % v.classes)
	}
	return s.FromInts(all, n)
}

// No number that is told of an image hangs on itself or on what comes after it, and every one hangs on all that comes before it
// in reach: with two gated stacks on all of that, without them on the row so far and on what a stack of square kernels sees.
func TestAMaskedNetworkSeesWhatIsBefore(t *testing.T) {
	const side = 8
	for _, v := range maskedCases {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
				m := v.network(s, side)
				numbers := side * side * v.channels
				order := func(i int) int { // of number i of [C,H,W]
					return i%(side*side)*v.channels + i/(side*side)
				}
				uncut(m)
				for out := range numbers {
					c := s.Child()
					x := c.FromDoubles(torchtest.Fill(1, numbers), 1, v.channels, side, side).RequireGrad()
					said := nn.ForwardFor(m, x, v.labels(c, 1)).Reshape(v.channels, v.each, -1)
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
				m := v.network(s, side)
				s = s.Child(torch.NoGrad, torch.Eval)
				x := s.FromDoubles(torchtest.Fill(1, n*v.channels*side*side), n, v.channels, side, side)
				labels := v.labels(s, n)
				want := nn.ForwardFor(m, x, labels)
				c := m.NewCursor(s.Child(), labels, n, side, side)
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

// Every number that is told of an image hangs on its label, those of the first pixel too; without labels nothing is told.
func TestAMaskedNetworkIsToldLabels(t *testing.T) {
	const side = 4
	for _, v := range maskedCases {
		if v.classes == 0 {
			continue
		}
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			m := v.network(s, side)
			uncut(m)
			x := s.Zeros(v.classes, v.channels, side, side)
			said := nn.ForwardFor(m, x, v.labels(s, v.classes)).Doubles()
			each := len(said) / v.classes
			for i := range each {
				assert.NotEqual(t, said[i], said[each+i], "%v: number %d", v, i)
			}
			assert.Contains(t, torchtest.Error(t, func() { m.Forward(x) }).Msg, "the network needs labels")
			assert.Contains(t, torchtest.Error(t, func() { m.NewCursor(s, torch.Tensor{}, 1, side, side) }).Msg, "the network needs labels")
		}, torch.Of(torch.Float64))
	}
}

func TestWhatAMaskedNetworkIsNot(t *testing.T) {
	assert.ErrorContains(t, Options{Name: "mlp", Gated: true}.Check(), "--gated: mlp has no masked convolutions")
	assert.NoError(t, Options{Name: "masked", Gated: true, Depth: 3}.Check())
	assert.NoError(t, Options{Name: "masked"}.CheckShape(data.Shape{Height: 5, Width: 5, Channels: 3}))
}
