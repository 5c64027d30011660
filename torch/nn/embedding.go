package nn

import "forger/torch"

// Embedding is a row of its weight for each index. PyTorch: nn.Embedding.
type Embedding struct {
	Weight torch.Tensor // [count,dim]
	normalised
}

// NewEmbedding makes a layer int64 [...] -> [...,dim] for indices below count, drawn from N(0,1) as PyTorch's; without g it
// is zeros, to be loaded.
func NewEmbedding(s *torch.Scope, g *torch.Generator, count, dim int) *Embedding {
	e := &Embedding{Weight: s.Zeros(count, dim)}
	if g != nil {
		e.Weight.Normal(g, 0, 1)
	}
	e.Weight.RequireGrad()
	return e
}

// Forward is int64 [...] -> [...,dim].
func (e *Embedding) Forward(x torch.Tensor) torch.Tensor {
	return e.with(e.Weight, x, func(w torch.Tensor) torch.Tensor { return w.Embedding(x) })
}

// Products are x's with each row: [N,...] of dim numbers each -> [N,count]. Of images with channels innermost it is the rows that are
// put into their order, of which there are fewer.
func (e *Embedding) Products(x torch.Tensor) torch.Tensor {
	return e.with(e.Weight, x, func(w torch.Tensor) torch.Tensor {
		if shape := x.Shape(); len(shape) == 4 && x.Scope().Format() == torch.ChannelsLast {
			x = x.Permute(0, 2, 3, 1)
			w = x.Scope().Use(w).Reshape(-1, shape[1], shape[2], shape[3]).Permute(0, 2, 3, 1).Reshape(e.Weight.Shape()...)
		}
		return x.Reshape(x.Shape()[0], -1).Linear(w, torch.Tensor{})
	})
}

// State is weight.
func (e *Embedding) State(prefix string, visit func(Entry)) {
	e.state(prefix, e.Weight, torch.Tensor{}, visit)
}

// Describe is embedding(weight, x).
func (e *Embedding) Describe(g *Graph, prefix, x string) string {
	return g.Add(Node{Op: "embedding", Inputs: []string{x}, Params: []string{join(prefix, "weight")}})
}
