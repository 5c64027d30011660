package torch

/*
#include "gotorch.h"
*/
import "C"

// Border is what an image is continued with beyond its sides.
type Border int

const (
	ZeroBorder      Border = iota // zeros. PyTorch: "constant" of pad, "zeros" of grid_sample
	ReflectBorder                 // mirrored. PyTorch: "reflect", "reflection"
	ReplicateBorder               // its outermost pixels. PyTorch: "replicate", "border"
)

// Interpolation says how an image is resized; the zero value is PyTorch's default.
type Interpolation struct {
	Bilinear     bool // else the nearest pixel
	AlignCorners bool // Bilinear alone: the corners' centres stay where they are
}

// Interpolate resizes images to h x w: [N,C,H,W] -> [N,C,h,w]. PyTorch: torch.nn.functional.interpolate(size=...).
func (t Tensor) Interpolate(h, w int, o Interpolation) Tensor {
	size := [2]int{h, w}
	s := t.one("interpolate")
	return s.made("interpolate", C.gt_interpolate(s.h, t.h, pair(&size), cbool(o.Bilinear), cbool(o.AlignCorners)), t)
}

// PixelShuffle moves channels to pixels: [N,C*k*k,H,W] -> [N,C,k*H,k*W].
func (t Tensor) PixelShuffle(k int) Tensor {
	s := t.one("pixel_shuffle")
	return s.made("pixel_shuffle", C.gt_pixel_shuffle(s.h, t.h, C.int64_t(k)), t)
}

// PixelUnshuffle moves pixels to channels: [N,C,k*H,k*W] -> [N,C*k*k,H,W].
func (t Tensor) PixelUnshuffle(k int) Tensor {
	s := t.one("pixel_unshuffle")
	return s.made("pixel_unshuffle", C.gt_pixel_unshuffle(s.h, t.h, C.int64_t(k)), t)
}

// Pad continues t: sides are how far before and after its last dim, then the one before it, and so on; with ZeroBorder a
// negative one cuts. PyTorch: torch.nn.functional.pad.
func (t Tensor) Pad(b Border, sides ...int) Tensor {
	s := t.one("pad")
	p, n := sizes(sides)
	return s.made("pad", C.gt_pad(s.h, t.h, p, n, C.int(b)), t)
}

// AffineGrid is where theta [N,2,3] takes the points of images [N,_,h,w], whose sides are [-1,1] long: [N,h,w,2], x before
// y. PyTorch: torch.nn.functional.affine_grid.
func (t Tensor) AffineGrid(h, w int, alignCorners bool) Tensor {
	s := t.one("affine_grid")
	n := 0
	if shape := t.Shape(); len(shape) > 0 {
		n = shape[0]
	}
	p, dims := sizes([]int{n, 1, h, w})
	return s.made("affine_grid", C.gt_affine_grid(s.h, t.h, p, dims, cbool(alignCorners)), t)
}

// GridSampling says how GridSample reads between pixels; the zero value is PyTorch's default.
type GridSampling struct {
	Nearest      bool // else bilinear
	Border       Border
	AlignCorners bool
}

// GridSample reads t [N,C,H,W] at the points of grid [N,h,w,2], x before y, from -1 to 1 over the image: [N,C,h,w].
func (t Tensor) GridSample(grid Tensor, o GridSampling) Tensor {
	s := join("grid_sample", t, grid)
	return s.made("grid_sample", C.gt_grid_sample(s.h, t.h, grid.h, cbool(o.Nearest), C.int(o.Border), cbool(o.AlignCorners)), t, grid)
}
