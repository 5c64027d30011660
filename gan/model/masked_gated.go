package model

import (
	"strconv"

	"forger/torch"
	"forger/torch/nn"
)

// gatedStacks are two stacks of gated convolutions side by side (van den Oord et al. 2016, "Conditional image generation with
// PixelCNN decoders"): a vertical one that sees all of the rows above, and a horizontal one that sees the row so far and what
// the vertical one tells it. A stack of square masked kernels alone never sees a wedge above on the right.
type gatedStacks []gatedLayer

type gatedLayer struct {
	vertical   nn.Module // [N,in,H,W] -> [N,2W,H,W]
	link       nn.Module // of that to the horizontal stack, a pixel each
	horizontal nn.Module // [N,in,H,W] -> [N,2W,H,W]
	out        nn.Module // [N,W,H,W] -> [N,W,H,W], a pixel each
}

func (m masks) gatedStacks(n Options) gatedStacks {
	in, w := m.colours, n.GenWidth
	down, along, size := above, before, firstSight
	var all gatedStacks
	for range n.depth(maskedDepth) {
		all = append(all, gatedLayer{
			vertical: m.told(m.conv(in, 2*w, kernel(size), down)), link: nn.NewConv2d(m.b.Scope, m.b.Init(), 2*w, 2*w, 1, nn.ConvOptions{}),
			horizontal: m.told(m.convOf(in, 2*w, [2]int{1, size}, along, 2)), out: m.conv(w, w, kernel(1), upTo),
		})
		in, down, along, size = w, whole, upTo, laterSight
	}
	return all
}

// Forward is what the horizontal stack makes of x: [N,C,H,W] -> [N,W,H,W].
func (g gatedStacks) Forward(x torch.Tensor) torch.Tensor { return g.ForwardFor(x, torch.Tensor{}) }

// ForwardFor is Forward where both stacks are told labels, ahead of their gates.
func (g gatedStacks) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	s := x.Scope()
	c := s.Child() // of what is between
	defer c.Close()
	v, h := c.Use(x), c.Use(x)
	for i, l := range g {
		down := nn.ForwardFor(l.vertical, v, labels)
		along := nn.ForwardFor(l.horizontal, h, labels).Add(l.link.Forward(down))
		v = gate(down, 1)
		next := l.out.Forward(gate(along, 1))
		if i > 0 {
			next = next.Add(h)
		}
		h = next
	}
	return s.Use(h)
}

// gate is tanh of the first half of x along a dim times the sigmoid of the other.
func gate(x torch.Tensor, dim int) torch.Tensor {
	half := x.Shape()[dim] / 2
	return x.Narrow(dim, 0, half).Tanh().Mul(x.Narrow(dim, half, half).Sigmoid())
}

// Children are the layers' convolutions.
func (g gatedStacks) Children() (all []nn.Module) {
	for _, l := range g {
		all = append(all, l.vertical, l.link, l.horizontal, l.out)
	}
	return all
}

// State visits layer by layer: vertical, link, horizontal, out.
func (g gatedStacks) State(prefix string, visit func(nn.Entry)) {
	for i, l := range g {
		at := key(prefix, strconv.Itoa(i))
		l.vertical.State(key(at, "vertical"), visit)
		l.link.State(key(at, "link"), visit)
		l.horizontal.State(key(at, "horizontal"), visit)
		l.out.State(key(at, "out"), visit)
	}
}

// Describe is Forward.
func (g gatedStacks) Describe(graph *nn.Graph, prefix, x string) string {
	v, h := x, x
	for i, l := range g {
		at := key(prefix, strconv.Itoa(i))
		down := graph.Describe(l.vertical, key(at, "vertical"), v)
		link := graph.Describe(l.link, key(at, "link"), down)
		along := graph.Add(nn.Node{Op: "add", Inputs: []string{graph.Describe(l.horizontal, key(at, "horizontal"), h), link}})
		v = describeGate(graph, down, l)
		next := graph.Describe(l.out, key(at, "out"), describeGate(graph, along, l))
		if i > 0 {
			next = graph.Add(nn.Node{Op: "add", Inputs: []string{next, h}})
		}
		h = next
	}
	return h
}

func describeGate(graph *nn.Graph, x string, l gatedLayer) string {
	half := widthOf(l.link) / 2
	part := func(start int) string {
		return graph.Add(nn.Node{Op: "narrow", Inputs: []string{x}, Dims: []int{1}, Shape: []int{start, half}})
	}
	return graph.Add(nn.Node{Op: "mul", Inputs: []string{
		graph.Describe(nn.Tanh(), "", part(0)), graph.Describe(nn.Sigmoid(), "", part(half)),
	}})
}

// widthOf is how many channels a convolution makes.
func widthOf(m nn.Module) int { return nn.Parameters(m)[0].Shape()[0] }
