package model

import (
	"forger/torch"
	"forger/torch/nn"
)

// Cursor asks a masked network of one pixel after the other, row by row. What it has found of those before is kept, so that a
// pixel costs its own share of the work and not the whole picture's.
type Cursor struct {
	scope  *torch.Scope // of what is kept
	layers []follower
	row    int // that is begun; -1: none
}

// follower is a layer that is asked of one pixel after the other.
type follower interface {
	// begin is told that a row begins, in a scope that ends with this call.
	begin(s *torch.Scope, row int)
	// at is the layer's result [N,out] at a pixel whose input is x [N,in], in x's scope.
	at(row, column int, x torch.Tensor) torch.Tensor
	// put keeps the input of a pixel, and returns what the next layer gets where this one only changes its numbers; the zero
	// Tensor: it was for this one.
	put(row, column int, x torch.Tensor) torch.Tensor
}

// NewCursor begins images [n,C,h,w], of these labels where labels were learnt. What it keeps lives in s.
func (m *Masked) NewCursor(s *torch.Scope, labels torch.Tensor, n, h, w int) *Cursor {
	return &Cursor{s, followAll(s, m.Sequential, labels, n, h, w), -1}
}

// At is what the network says of a pixel given all before it: [N,C*each], in x's scope. x [N,C] is the pixel as far as it is
// known, in [-1,1]: its colours before the one that is asked for.
func (c *Cursor) At(row, column int, x torch.Tensor) torch.Tensor {
	if row != c.row {
		s := c.scope.Child()
		for _, l := range c.layers {
			l.begin(s, row)
		}
		s.Close()
		c.row = row
	}
	for _, l := range c.layers {
		x = l.at(row, column, x)
	}
	return x
}

// Put tells the whole of a pixel, [N,C]: the pixels after it will see it.
func (c *Cursor) Put(row, column int, x torch.Tensor) {
	for i := 0; x.Valid() && i < len(c.layers); i++ {
		x = c.layers[i].put(row, column, x)
	}
}

func followAll(s *torch.Scope, q nn.Sequential, labels torch.Tensor, n, h, w int) (all []follower) {
	for _, m := range q {
		all = append(all, follow(s, m, labels, n, h, w))
	}
	return all
}

func follow(s *torch.Scope, m nn.Module, labels torch.Tensor, n, h, w int) follower {
	switch m := m.(type) {
	case *told:
		return shifted{follow(s, m.Module, labels, n, h, w), m.rows(labels)}
	case *masked:
		return newWindow(s, m.weight(s), m.Bias, n, h, w)
	case *nn.Conv2d:
		return newWindow(s, s.Use(m.Weight), m.Bias, n, h, w)
	case *nn.Residual:
		return residual{followAll(s, m.Children()[0].(nn.Sequential), labels, n, h, w)}
	case gatedStacks:
		return newStacks(s, m, labels, n, h, w)
	}
	return eachNumber{m}
}

// eachNumber is a layer that makes of each number another.
type eachNumber struct{ nn.Module }

func (eachNumber) begin(*torch.Scope, int)                     {}
func (l eachNumber) at(_, _ int, x torch.Tensor) torch.Tensor  { return l.Forward(x) }
func (l eachNumber) put(_, _ int, x torch.Tensor) torch.Tensor { return l.Forward(x) }

// residual is x and what layers make of it.
type residual struct{ body []follower }

func (r residual) begin(s *torch.Scope, row int) {
	for _, l := range r.body {
		l.begin(s, row)
	}
}

func (r residual) at(row, column int, x torch.Tensor) torch.Tensor {
	y := x
	for _, l := range r.body {
		y = l.at(row, column, y)
	}
	return y.Add(x)
}

func (r residual) put(_, _ int, _ torch.Tensor) torch.Tensor { return torch.Tensor{} }

// window is a convolution that sees the rows above and its own: its inputs so far, with the border that it pads them with.
type window struct {
	inputs       torch.Tensor // [N,H+up,W+2side,in]; the zero Tensor of a kernel of one pixel
	weight, bias torch.Tensor // [out,up+1,width,in]; of a kernel of one pixel [out,in]
	up, width    int
}

func newWindow(s *torch.Scope, weight, bias torch.Tensor, n, h, w int) *window {
	shape := weight.Shape() // [out,in,kh,kw]
	l := &window{bias: bias, up: shape[2] / 2, width: shape[3]}
	if l.width == 1 {
		l.weight = weight.Reshape(shape[0], -1)
		return l
	}
	l.weight = weight.Narrow(2, 0, l.up+1).Permute(0, 2, 3, 1).Reshape(shape[0], l.up+1, l.width, -1)
	l.inputs = s.Zeros(n, h+l.up, w+l.width-1, shape[1])
	return l
}

func (l *window) begin(*torch.Scope, int) {}

func (l *window) at(row, column int, x torch.Tensor) torch.Tensor {
	if !l.inputs.Valid() {
		return x.Linear(l.weight, l.bias)
	}
	return x.Conv2dAt(l.inputs, l.weight, l.bias, row, column)
}

func (l *window) put(row, column int, x torch.Tensor) torch.Tensor {
	if l.inputs.Valid() {
		shape := x.Shape()
		x.Scope().Use(l.inputs).Narrow(1, row+l.up, 1).Narrow(2, column+l.width/2, 1).CopyFrom(x.Reshape(shape[0], 1, 1, shape[1]))
	}
	return torch.Tensor{}
}

// stacks are gated ones: the vertical stack takes a row at once, since it sees those above alone.
type stacks struct{ layers []stackLayer }

type stackLayer struct {
	of              gatedLayer
	rows            torch.Tensor // [N,H+up,W+2side,in]: the vertical stack's inputs
	down            torch.Tensor // its weight [2W,in,up+1,width]
	bias            torch.Tensor
	shift           torch.Tensor // [N,2W,1,1], by the label; the zero Tensor: none
	links           torch.Tensor // [N,W,2W]: what it tells the row that is begun
	horizontal, out follower
	up, side        int
}

func newStacks(s *torch.Scope, g gatedStacks, labels torch.Tensor, n, h, w int) *stacks {
	all := &stacks{}
	for _, l := range g {
		vertical, shift := untold(l.vertical, labels)
		weight := s.Use(nn.Parameters(vertical)[0])
		if m, ok := vertical.(*masked); ok {
			weight = m.weight(s)
		}
		shape := weight.Shape()
		up, side := shape[2]/2, shape[3]/2
		all.layers = append(all.layers, stackLayer{
			of: l, rows: s.Zeros(n, h+up, w+2*side, shape[1]), down: weight.Narrow(2, 0, up+1), bias: nn.Parameters(vertical)[1], shift: shift,
			links: s.Zeros(n, w, shape[0]), horizontal: follow(s, l.horizontal, labels, n, h, w), out: follow(s, l.out, labels, n, h, w), up: up, side: side,
		})
	}
	return all
}

func (g *stacks) begin(s *torch.Scope, row int) {
	for i, l := range g.layers {
		seen := s.Use(l.rows).Narrow(1, row, l.up+1).Permute(0, 3, 1, 2)
		down := seen.Conv2d(l.down, l.bias, torch.Conv{}) // [N,2W,1,W]
		if l.shift.Valid() {
			down = down.Add(l.shift)
		}
		n, w := down.Shape()[0], down.Shape()[3]
		s.Use(l.links).CopyFrom(l.of.link.Forward(down).Permute(0, 2, 3, 1).Reshape(n, w, -1))
		if i+1 < len(g.layers) {
			next := g.layers[i+1]
			s.Use(next.rows).Narrow(1, row+next.up, 1).Narrow(2, next.side, w).CopyFrom(gate(down, 1).Permute(0, 2, 3, 1))
		}
	}
}

func (g *stacks) at(row, column int, x torch.Tensor) torch.Tensor {
	h := x
	for i, l := range g.layers {
		link := x.Scope().Use(l.links).Narrow(1, column, 1).Reshape(x.Shape()[0], -1)
		next := l.out.at(row, column, gate(l.horizontal.at(row, column, h).Add(link), 1))
		if i > 0 {
			next = next.Add(h)
		}
		h = next
	}
	return h
}

func (g *stacks) put(row, column int, x torch.Tensor) torch.Tensor {
	first, shape := g.layers[0], x.Shape()
	first.horizontal.put(row, column, x)
	x.Scope().Use(first.rows).Narrow(1, row+first.up, 1).Narrow(2, column+first.side, 1).CopyFrom(x.Reshape(shape[0], 1, 1, shape[1]))
	return torch.Tensor{}
}
