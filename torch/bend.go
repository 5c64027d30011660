package torch

/*
#include "gotorch.h"
*/
import "C"

// Bend is how images [N,C,H,W] are changed, each by its row of a table; the zero Tensor leaves that respect as it is. They are
// recoloured, then moved, then cut.
type Bend struct {
	Color         Tensor // [N,4] floats: a pixel's value x becomes own*x + pixel*(mean of its channels) + whole*(mean of the image) + add
	Move          Tensor // int64 [N,2]: to a place comes what lies so many rows down and columns to the right of it; 0 from outside
	Cut           Tensor // int64 [N,2]: first row and column of a rectangle that becomes 0
	Height, Width int    // of the rectangle
}

// Bend changes images t, differentiably. A kernel of ours does it in one pass over memory where t is float32 on the CPU; a scope whose
// convolutions are stock has libtorch's ops do it, one after the other.
func (t Tensor) Bend(b Bend) Tensor {
	s := joinAll("bend", []Tensor{t}, b.Color, b.Move, b.Cut)
	return s.made("bend", C.gt_bend(s.h, t.h, b.Color.h, b.Move.h, b.Cut.h, C.int64_t(b.Height), C.int64_t(b.Width)), t, b.Color, b.Move, b.Cut)
}
