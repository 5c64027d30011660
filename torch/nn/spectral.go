package nn

import (
	"fmt"
	"strings"

	"forger/torch"
)

// SpectralNorm has each Linear, Embedding, Conv2d and ConvTranspose2d within m compute with its weight over its greatest singular value, as
// torch.nn.utils.parametrizations.spectral_norm does to a module: a power iteration a pass forward in training, fifteen at the start,
// none in an eval scope. Its keys are that one's (parametrizations.weight.original, .0._u, .0._v) and not those of
// torch.nn.utils.spectral_norm, which PyTorch keeps for old programs alone. The vectors are made in s and drawn from g; without a
// stream they are zeros, to be loaded. Layers that m's modules do not show by Children are a *torch.Error.
func SpectralNorm(s *torch.Scope, g *torch.Generator, m Module) {
	layers(m, func(l layer) { l.normalise(s, g) })
	for _, e := range Entries(m) {
		if !e.Buffer && len(e.Tensor.Shape()) > 1 && !strings.HasSuffix(e.Name, original) {
			panic(&torch.Error{Op: "spectral_norm", Code: torch.Failed, Msg: fmt.Sprintf("%s cannot be reached: its module needs a Children method", e.Name)})
		}
	}
}

// RemoveSpectralNorm leaves m with the weights that it computes with, made in s, under their plain names. It is for inference: the
// new weights are not trained. PyTorch: torch.nn.utils.parametrize.remove_parametrizations.
func RemoveSpectralNorm(s *torch.Scope, m Module) {
	layers(m, func(l layer) { l.bake(s) })
}

// Parent is a module made of others.
type Parent interface{ Children() []Module }

// layer is a module with a weight that can be normalised.
type layer interface {
	normalise(s *torch.Scope, g *torch.Generator)
	bake(s *torch.Scope)
}

// layers visits those within m.
func layers(m Module, visit func(layer)) {
	if l, ok := m.(layer); ok {
		visit(l)
	}
	if p, ok := m.(Parent); ok {
		for _, child := range p.Children() {
			layers(child, visit)
		}
	}
}

// original is the end of the key of a weight before it is normalised.
const original = "parametrizations.weight.original"

// normalised is what a layer needs to normalise its weight; the zero value leaves it as it is.
type normalised struct {
	u, v torch.Tensor // the singular vectors: [m], [n]
	dim  int          // of the weight, along which the rows lie
}

// of makes the vectors for a weight.
func (n *normalised) of(s *torch.Scope, g *torch.Generator, weight torch.Tensor, dim int) {
	shape := weight.Shape()
	rows, rest := shape[dim], 1
	for i, size := range shape {
		if i != dim {
			rest *= size
		}
	}
	*n = normalised{s.Zeros(rows), s.Zeros(rest), dim}
	if g == nil {
		return
	}
	n.u.Normal(g, 0, 1)
	n.v.Normal(g, 0, 1)
	c := s.Child(torch.NoGrad)
	defer c.Close()
	c.Use(weight).SpectralNorm(n.u, n.v, dim, 15)
}

// with is what becomes of x by use of the weight, which is normalised first where that is asked for.
func (n *normalised) with(weight, x torch.Tensor, use func(torch.Tensor) torch.Tensor) torch.Tensor {
	if !n.u.Valid() {
		return use(weight)
	}
	iterations := 0
	if x.Scope().Training() {
		iterations = 1
	}
	here := x.Scope().Use(weight)
	w := here.SpectralNorm(n.u, n.v, n.dim, iterations)
	here.Release()
	defer w.Release()
	return use(w)
}

// baked is the weight as it is computed with, in s.
func (n *normalised) baked(s *torch.Scope, weight torch.Tensor) torch.Tensor {
	if !n.u.Valid() {
		return weight
	}
	c := s.Child(torch.NoGrad)
	defer c.Close()
	w := s.Use(c.Use(weight).SpectralNorm(n.u, n.v, n.dim, 0))
	*n = normalised{}
	return w
}

// state visits a layer's entries as PyTorch orders them: what a parametrization holds comes behind the layer's own.
func (n *normalised) state(prefix string, weight, bias torch.Tensor, visit func(Entry)) {
	if !n.u.Valid() {
		weightAndBias(prefix, weight, bias, visit)
		return
	}
	if bias.Valid() {
		visit(Entry{Name: join(prefix, "bias"), Tensor: bias})
	}
	visit(Entry{Name: join(prefix, original), Tensor: weight})
	visit(Entry{join(prefix, "parametrizations.weight.0._u"), n.u, true})
	visit(Entry{join(prefix, "parametrizations.weight.0._v"), n.v, true})
}

func (l *Linear) normalise(s *torch.Scope, g *torch.Generator)          { l.of(s, g, l.Weight, 0) }
func (e *Embedding) normalise(s *torch.Scope, g *torch.Generator)       { e.of(s, g, e.Weight, 0) }
func (c *Conv2d) normalise(s *torch.Scope, g *torch.Generator)          { c.of(s, g, c.Weight, 0) }
func (c *ConvTranspose2d) normalise(s *torch.Scope, g *torch.Generator) { c.of(s, g, c.Weight, 1) }

func (l *Linear) bake(s *torch.Scope)          { l.Weight = l.baked(s, l.Weight) }
func (e *Embedding) bake(s *torch.Scope)       { e.Weight = e.baked(s, e.Weight) }
func (c *Conv2d) bake(s *torch.Scope)          { c.Weight = c.baked(s, c.Weight) }
func (c *ConvTranspose2d) bake(s *torch.Scope) { c.Weight = c.baked(s, c.Weight) }
