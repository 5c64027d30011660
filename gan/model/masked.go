package model

import (
	"forger/data"
	"forger/torch"
	"forger/torch/nn"
)

const (
	maskedDepth = 8 // blocks
	firstSight  = 7 // side of the first layer's kernels
	laterSight  = 3 // of the others
)

// Masked is a network of images [N,C,H,W] in [-1,1] whose numbers at a pixel, [N,C*each,H,W], hang on the pixels before it
// alone: those of a colour on the rows above, on what is left of it in its row, and on the pixel's own colours before that one
// (van den Oord et al. 2016, "Pixel recurrent neural networks"). The numbers of a colour are neighbours among the channels.
type Masked struct{ nn.Sequential }

// maskedNetwork is GenWidth channels wide: a layer that does not see the pixel itself, and blocks that see what was made of it.
func maskedNetwork(b *Builder, n Options, of data.Shape, each int) *Masked {
	m := masks{b, of.Channels, of.Classes}
	layers := nn.Sequential{newShares(b.Scope)}
	if n.Gated {
		layers = append(layers, m.gatedStacks(n))
	} else {
		layers = append(layers, m.told(m.conv(of.Channels, n.GenWidth, kernel(firstSight), before)))
		for range n.depth(maskedDepth) {
			layers = append(layers, m.block(n.GenWidth))
		}
	}
	return &Masked{append(layers, nn.ReLU(), m.conv(n.GenWidth, n.GenWidth, kernel(1), upTo), nn.ReLU().InPlace(),
		m.conv(n.GenWidth, of.Channels*each, kernel(1), upTo))}
}

// block is a residual one with half as many channels inside (figure 5 there).
func (m masks) block(width int) nn.Module {
	half := max(width/2, m.colours)
	return nn.NewResidual(nn.Sequential{
		nn.ReLU(), m.conv(width, half, kernel(1), upTo), nn.ReLU().InPlace(), m.told(m.conv(half, half, kernel(laterSight), upTo)),
		nn.ReLU().InPlace(), m.conv(half, width, kernel(1), upTo),
	}, nil, nn.ResidualOptions{})
}

func kernel(side int) [2]int { return [2]int{side, side} }

// sight is what a masked convolution sees of the kernel's middle row. It sees all of the rows above, and nothing below.
type sight int

const (
	before sight = iota // what is left of the middle, and in it the colours before. Mask A
	upTo                // that, and in the middle the colour itself. Mask B
	above               // nothing
	whole               // all of it
)

// masks makes convolutions of images of so many colours, and of so many classes; 0: labels are not learnt.
type masks struct {
	b                *Builder
	colours, classes int
}

// masked is a convolution whose weights are multiplied by 0 where it must not see.
type masked struct {
	*nn.Conv2d
	mask torch.Tensor // of the weight's shape
	conv torch.Conv
}

// conv makes a layer [N,in,H,W] -> [N,out,H,W]; one that may see all of what it sees has no mask.
func (m masks) conv(in, out int, size [2]int, of sight) nn.Module {
	return m.convOf(in, out, size, of, 1)
}

// convOf is conv for results that are so many parts, each with channels of all colours.
func (m masks) convOf(in, out int, size [2]int, of sight, parts int) nn.Module {
	s := m.b.Scope
	options := torch.Conv{Padding: [2]int{size[0] / 2, size[1] / 2}}
	c := &masked{nn.NewConv2dOblong(s, m.b.Init(), in, out, size, options, false), torch.Tensor{}, options}
	values, hides := maskOf(in, out, size, of, m.colours, parts)
	if !hides {
		return c.Conv2d
	}
	c.mask = s.ZerosLike(c.Weight)
	host := s.Child(torch.NoGrad)
	defer host.Close()
	c.mask.CopyFrom(host.FromDoubles(values, out, in, size[0], size[1]))
	return c
}

// maskOf is 1 where a weight [out,in,h,w] may be other than 0, and reports whether it is 0 anywhere. The channels are shared out
// to the colours in their order.
func maskOf(in, out int, size [2]int, of sight, colours, parts int) (values []float64, hides bool) {
	part, middle := out/parts, [2]int{size[0] / 2, size[1] / 2}
	for o := range out {
		for i := range in {
			earlier := i*colours/in - o%part*colours/part
			for y := range size[0] {
				for x := range size[1] {
					sees := y < middle[0] || y == middle[0] && of.sees(x-middle[1], earlier)
					if sees {
						values = append(values, 1)
					} else {
						values, hides = append(values, 0), true
					}
				}
			}
		}
	}
	return values, hides
}

// sees tells of the middle row: a place to the left is below 0, and so is a colour before one's own.
func (of sight) sees(place, colour int) bool {
	switch of {
	case before:
		return place < 0 || place == 0 && colour < 0
	case upTo:
		return place < 0 || place == 0 && colour <= 0
	}
	return of == whole
}

// weight is what the layer computes with, in s.
func (c *masked) weight(s *torch.Scope) torch.Tensor { return s.Use(c.Weight).Mul(s.Use(c.mask)) }

// Forward is [N,in,H,W] -> [N,out,H,W].
func (c *masked) Forward(x torch.Tensor) torch.Tensor {
	w := c.weight(x.Scope())
	defer w.Release()
	return x.Conv2d(w, c.Bias, c.conv)
}

// State is weight, bias and mask, a buffer.
func (c *masked) State(prefix string, visit func(nn.Entry)) {
	c.Conv2d.State(prefix, visit)
	visit(nn.Entry{Name: key(prefix, "mask"), Tensor: c.mask, Buffer: true})
}

// Describe is conv2d(x, mul(weight, mask), bias).
func (c *masked) Describe(g *nn.Graph, prefix, x string) string {
	return g.Add(nn.Node{
		Op: "masked_conv2d", Inputs: []string{x}, Conv: c.conv.Filled(),
		Params: []string{key(prefix, "weight"), key(prefix, "mask"), key(prefix, "bias")},
	})
}
