package torch_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// bendCase is images [n,c,h,w] that are bent in some respects.
type bendCase struct {
	n, c, h, w       int
	color, move, cut bool
	format           torch.Format
}

func (c bendCase) String() string {
	return fmt.Sprintf("[%d,%d,%d,%d] color %v move %v cut %v format %v", c.n, c.c, c.h, c.w, c.color, c.move, c.cut, c.format)
}

// by are numbers from within the images and beyond them.
func (c bendCase) by(s *torch.Scope, d torch.DType) (b torch.Bend) {
	g := s.NewGenerator(3)
	places := func(rows, columns int) torch.Tensor {
		side := func(n int) torch.Tensor { return s.Randn(g, c.n, 1).MulScalar(float64(n)).To(torch.Int64) }
		return torch.Cat(1, side(rows), side(columns))
	}
	color := s.Randn(g, c.n, 4)
	if c.color {
		b.Color = color.To(d)
	}
	if c.move {
		b.Move = places(max(1, c.h/2), max(1, c.w/2))
	}
	if c.cut {
		b.Cut, b.Height, b.Width = places(c.h, c.w), (c.h+1)/2, c.w/2
	}
	return b
}

var bendValues = []string{"y", "gradient of x", "second gradient of gy", "third gradient of the direction"}

// values are those that bendValues names: as the op is all but linear, each gradient is that of the one before it.
func (c bendCase) values(parent *torch.Scope, d torch.DType, by ...torch.Option) (all [][]float64) {
	s := parent.Child(by...)
	defer s.Close()
	g := s.NewGenerator(5)
	draw := func() torch.Tensor {
		return s.Randn(g, c.n, c.c, c.h, c.w).ToFormat(c.format).To(d).Detach().RequireGrad()
	}
	x, gy, along, last := draw(), draw(), draw(), draw()
	y := x.Bend(c.by(s, d))
	gx := torch.Grad(y.Mul(gy).Sum(), true, x)[0]
	second := torch.Grad(gx.Mul(along).Sum(), true, gy)[0]
	third := torch.Grad(second.Mul(last).Sum(), false, along)[0]
	for _, t := range []torch.Tensor{y, gx, second, third} {
		all = append(all, t.Detach().Doubles())
	}
	return all
}

func bendCases() (cases []bendCase) {
	for i, shape := range [][4]int{{3, 3, 8, 8}, {1, 1, 7, 5}, {2, 3, 7, 12}, {2, 4, 6, 9}, {1, 3, 1, 1}, {5, 1, 16, 33}, {2, 3, 33, 16}, {1, 2, 5, 1}} {
		for asked := range 8 {
			cases = append(cases, bendCase{shape[0], shape[1], shape[2], shape[3], asked&1 != 0, asked&2 != 0, asked&4 != 0,
				[]torch.Format{torch.ChannelsLast, torch.Contiguous}[(i+asked)%2]})
		}
	}
	return cases
}

// What a kernel of ours makes of images, and its gradients of every order, are what libtorch's ops make of them.
func TestBendByEitherWay(t *testing.T) {
	for _, c := range bendCases() {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			want, ours, libtorch := c.values(s, torch.Float64), c.values(s, torch.Float32), c.values(s, torch.Float32, stock)
			for i, name := range bendValues {
				for who, got := range map[string][]float64{"ours": ours[i], "libtorch's": libtorch[i]} {
					if !slices.Equal(want[i], got) { // nothing may be left of an image
						assert.Less(t, distance(want[i], got), 1e-6, "%v: %s, %s", c, name, who)
					}
				}
			}
			if c.color && c.c*c.h*c.w > 50 && s.Device() == torch.CPU && torch.BestConv() != torch.ConvStock {
				assert.NotEqual(t, libtorch, ours, "%v: libtorch computed it", c)
			}
		})
	}
}

// What is asked of images of one number each can be read off.
func TestBendMovesAndCuts(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.FromFloats([]float32{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}, 2, 1, 2, 3)
		ints := func(v ...int64) torch.Tensor { return s.FromInts(v, 2, 2) }
		for _, way := range []torch.Option{torch.WithGrad, stock} {
			x := s.Child(way).Use(x)
			assert.Equal(t, []float64{5, 6, 0, 0, 0, 0, 0, 1, 2, 0, 4, 5}, x.Bend(torch.Bend{Move: ints(1, 1, 0, -1)}).Doubles(), "moved")
			assert.Equal(t, []float64{1, 0, 0, 4, 5, 6, 0, 2, 3, 0, 5, 6},
				x.Bend(torch.Bend{Cut: ints(-1, 1, 0, -1), Height: 2, Width: 2}).Doubles(), "cut")
			assert.Equal(t, []float64{0, 6, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0},
				x.Bend(torch.Bend{Move: ints(1, 1, 0, -1), Cut: ints(0, 0, 0, 2), Height: 2, Width: 1}).Doubles(), "cut where it has come to")
			nothing := make([]float64, 12)
			far := ints(math.MaxInt64, 0, 0, math.MinInt64)
			assert.Equal(t, nothing, x.Bend(torch.Bend{Move: far}).Doubles(), "moved away")
			assert.Equal(t, x.Doubles(), x.Bend(torch.Bend{Cut: far, Height: 2, Width: 3}).Doubles(), "cut elsewhere")
			assert.Equal(t, x.Doubles(), x.Bend(torch.Bend{}).Doubles(), "as it is")
			all := torch.Bend{Color: s.Ones(2, 4), Move: far, Cut: far, Height: 1, Width: 1}
			assert.NoError(t, s.Rehearse(func() {
				x := x.Detach().RequireGrad()
				torch.Grad(x.Bend(all).Sum(), false, x)
			}), "a step with it can be captured")
		}
	})
}

// A gradient may come with another layout, as one number repeated, or as zeros without memory.
func TestBendTakesAnyGradient(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		c := bendCase{2, 3, 6, 5, true, true, true, torch.ChannelsLast}
		draw := s.Randn(s.NewGenerator(1), 2, 3, 6, 5)
		gradient := func(d torch.DType, of func(y torch.Tensor) torch.Tensor) []float64 {
			x := draw.To(d).ToFormat(torch.ChannelsLast).Detach().RequireGrad()
			return torch.Grad(of(x.Bend(c.by(s, d))), false, x)[0].Doubles()
		}
		for name, of := range map[string]func(y torch.Tensor) torch.Tensor{
			"planar":   func(y torch.Tensor) torch.Tensor { return y.ToFormat(torch.Contiguous).Mul(draw).Sum() },
			"repeated": torch.Tensor.Sum,
			"permuted": func(y torch.Tensor) torch.Tensor { return y.Permute(2, 3, 0, 1).Reshape(-1).Pow(3).Sum() },
			"part":     func(y torch.Tensor) torch.Tensor { return y.Narrow(3, 1, 2).Sum() },
		} {
			assert.Less(t, distance(gradient(torch.Float64, of), gradient(torch.Float32, of)), 1e-6, name)
		}
		x := draw.Detach().RequireGrad()
		first := torch.Grad(x.Bend(c.by(s, torch.Float32)).Abs().Sum(), true, x)[0]
		assert.Equal(t, make([]float64, 180), torch.Grad(first.Mul(draw).Sum(), false, x)[0].Doubles(), "the derivative of a sign")
	})
}

// The bits are the same whatever the threads, and a table that is to be learnt is libtorch's affair.
func TestBendSameBitsAndLearntTables(t *testing.T) {
	c := bendCase{7, 3, 9, 11, true, true, true, torch.ChannelsLast}
	var want [][]float64
	for threads := 1; threads <= 3; threads++ {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			got := c.values(s, torch.Float32)
			if want == nil {
				want = got
			}
			assert.Equal(t, want, got, "%d threads", threads)
			b := c.by(s, torch.Float32)
			b.Color = b.Color.Detach().RequireGrad()
			x := s.Ones(7, 3, 9, 11)
			assert.NotZero(t, torch.Grad(x.Bend(b).Sum(), false, b.Color)[0].Abs().Sum().Item())
		}, torch.Threads(threads))
	}
}

func TestBendErrors(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.Ones(2, 3, 4, 5)
		for want, b := range map[string]torch.Bend{
			"color must be of floats, [2,4]":                   {Color: s.Ones(1, 4)},
			"move must be int64, [2,2]":                        {Move: s.Ones(2, 2)},
			"cut must be int64, [2,2]":                         {Cut: s.FullOf(torch.Int64, 0, 2)},
			"what is cut must be no larger than the images":    {Height: 5},
			"what is cut must be no larger than the images ":   {Width: -1},
			"what is cut must be no larger than the images  ":  {Height: -1},
			"what is cut must be no larger than the images   ": {Width: 6},
		} {
			e := torchtest.Error(t, func() { x.Bend(b) })
			assert.Contains(t, e.Error()+"   ", want)
		}
		e := torchtest.Error(t, func() { s.Ones(2, 3).Bend(torch.Bend{}) })
		assert.Contains(t, e.Error(), "images are [N,C,H,W]")
	})
}
