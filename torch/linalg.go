package torch

/*
#include "gotorch.h"
*/
import "C"

import "runtime"

// Cdist is the p-norm distance of each row of t [...,P,D] to each of u [...,R,D]: [...,P,R].
func (t Tensor) Cdist(u Tensor, p float64) Tensor {
	s := join("cdist", t, u)
	return s.made("cdist", C.gt_cdist(s.h, t.h, u.h, C.double(p)), t, u)
}

// Eigh is the eigenvalues [...,n] of symmetric matrices t [...,n,n], rising, and their eigenvectors [...,n,n], a column
// each, of which no sign is promised. PyTorch: torch.linalg.eigh.
func (t Tensor) Eigh() (values, vectors Tensor) {
	s := t.one("eigh")
	var out [2]*C.gt_tensor
	return s.two("eigh", C.gt_eigh(s.h, t.h, &out[0]), &out, t)
}

// Orthogonal overwrites t [rows,...] with gain times a matrix of orthogonal rows, or columns, drawn by g.
// PyTorch: nn.init.orthogonal_.
func (t Tensor) Orthogonal(g *Generator, gain float64) {
	defer runtime.KeepAlive(g)
	t.s.check("orthogonal_")
	t.s.must("orthogonal_", C.gt_orthogonal_(t.s.h, t.h, g.handle("orthogonal_"), C.double(gain)), t)
}
