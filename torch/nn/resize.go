package nn

import "forger/torch"

// Upsample makes images Factor times as wide and high: [N,C,H,W] -> [N,C,Factor*H,Factor*W]. PyTorch:
// nn.Upsample(scale_factor=...).
type Upsample struct {
	Factor int
	torch.Interpolation
}

// Forward is torch.Tensor.Interpolate.
func (u Upsample) Forward(x torch.Tensor) torch.Tensor {
	shape := x.Shape()
	if len(shape) != 4 {
		panic(&torch.Error{Op: "upsample", Code: torch.Failed, Msg: x.String() + ": images [N,C,H,W] are resized"})
	}
	return x.Interpolate(u.Factor*shape[2], u.Factor*shape[3], u.Interpolation)
}

// State is empty.
func (u Upsample) State(string, func(Entry)) {}

// Describe is interpolate(x, scale_factor).
func (u Upsample) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "interpolate", Inputs: []string{x}, Factor: u.Factor, Interpolation: u.Interpolation})
}

// PixelShuffle moves channels to pixels: [N,C*k*k,H,W] -> [N,C,k*H,k*W]. PyTorch: nn.PixelShuffle(k).
type PixelShuffle int

// Forward is torch.Tensor.PixelShuffle.
func (k PixelShuffle) Forward(x torch.Tensor) torch.Tensor { return x.PixelShuffle(int(k)) }

// State is empty.
func (k PixelShuffle) State(string, func(Entry)) {}

func (k PixelShuffle) effect() effect { return shares }

// Describe is pixel_shuffle(x, k).
func (k PixelShuffle) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "pixel_shuffle", Inputs: []string{x}, Factor: int(k)})
}

// PixelUnshuffle moves pixels to channels: [N,C,k*H,k*W] -> [N,C*k*k,H,W]. PyTorch: nn.PixelUnshuffle(k).
type PixelUnshuffle int

// Forward is torch.Tensor.PixelUnshuffle.
func (k PixelUnshuffle) Forward(x torch.Tensor) torch.Tensor { return x.PixelUnshuffle(int(k)) }

// State is empty.
func (k PixelUnshuffle) State(string, func(Entry)) {}

func (k PixelUnshuffle) effect() effect { return shares }

// Describe is pixel_unshuffle(x, k).
func (k PixelUnshuffle) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "pixel_unshuffle", Inputs: []string{x}, Factor: int(k)})
}

// Pad2d continues images beyond their sides: [N,C,H,W] -> [N,C,Top+H+Bottom,Left+W+Right]. PyTorch: nn.ZeroPad2d,
// nn.ReflectionPad2d, nn.ReplicationPad2d.
type Pad2d struct {
	Border                   torch.Border
	Left, Right, Top, Bottom int
}

func (p Pad2d) sides() []int { return []int{p.Left, p.Right, p.Top, p.Bottom} }

// Forward is torch.Tensor.Pad.
func (p Pad2d) Forward(x torch.Tensor) torch.Tensor { return x.Pad(p.Border, p.sides()...) }

// State is empty.
func (p Pad2d) State(string, func(Entry)) {}

func (p Pad2d) effect() effect { return shares }

// Describe is pad(x, sides).
func (p Pad2d) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "pad", Inputs: []string{x}, Border: p.Border, Shape: p.sides()})
}
