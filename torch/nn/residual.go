package nn

import "forger/torch"

// Residual is skip(x) + body(x).
type Residual struct {
	body, skip Module
	names      []string // of the two
}

// ResidualOptions holds what a Residual need not be told.
type ResidualOptions struct {
	// Names are what body and skip are called in the keys of the state; nil: "body", "skip". An empty one leaves its part's
	// keys without a name of its own.
	Names []string
}

// NewResidual makes a block of a body and a skip connection, which is the identity where skip is nil. It panics with a
// *torch.Error where one of them would overwrite its input, which is the other's too.
func NewResidual(body, skip Module, o ResidualOptions) *Residual {
	r := &Residual{body, skip, o.Names}
	if r.names == nil {
		r.names = []string{"body", "skip"}
	}
	if len(r.names) != 2 {
		refuse("its names are two, of body and skip")
	}
	if body == nil {
		refuse("it has no body")
	}
	if effectOf(body) == overwrites {
		refuse("the body would overwrite its input, which the sum needs: begin it with an activation that is not InPlace")
	}
	if skip != nil && effectOf(skip) == overwrites {
		refuse("the skip connection would overwrite its input, which the body needs: begin it with an activation that is not InPlace")
	}
	return r
}

func refuse(why string) { panic(&torch.Error{Op: "residual", Code: torch.Failed, Msg: why}) }

// Forward is [N,...] -> the shape of both parts' results.
func (r *Residual) Forward(x torch.Tensor) torch.Tensor { return r.ForwardFor(x, torch.Tensor{}) }

// ForwardFor is Forward where the modules that are Conditional are told labels.
func (r *Residual) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	skipped := x
	if r.skip != nil {
		skipped = ForwardFor(r.skip, x, labels)
	}
	y := ForwardFor(r.body, x, labels)
	sum := skipped.Add(y)
	for _, part := range []torch.Tensor{skipped, y} {
		if !part.Same(x) {
			part.Release()
		}
	}
	return sum
}

// Children are body and, where there is one, skip.
func (r *Residual) Children() []Module {
	if r.skip == nil {
		return []Module{r.body}
	}
	return []Module{r.body, r.skip}
}

// State is body's and then skip's.
func (r *Residual) State(prefix string, visit func(Entry)) {
	r.body.State(join(prefix, r.names[0]), visit)
	if r.skip != nil {
		r.skip.State(join(prefix, r.names[1]), visit)
	}
}

// Describe is add(skip(x), body(x)).
func (r *Residual) Describe(g *Graph, prefix, x string) string {
	skipped := x
	if r.skip != nil {
		skipped = g.Describe(r.skip, join(prefix, r.names[1]), x)
	}
	y := g.Describe(r.body, join(prefix, r.names[0]), x)
	return g.Add(Node{Op: "add", Inputs: []string{skipped, y}})
}

// effect is what a module does to the memory of its input.
type effect int

const (
	none       effect = iota // its result has memory of its own
	shares                   // its result may be its input, or a view of it
	overwrites               // its input holds the result
)

// effectOf is none of modules of other packages, as Module demands.
func effectOf(m Module) effect {
	if known, ok := m.(interface{ effect() effect }); ok {
		return known.effect()
	}
	return none
}

func (d *Dropout) effect() effect { return shares }
func (r Reshape) effect() effect  { return shares }

func (a Activation) effect() effect {
	if a.inPlace {
		return overwrites
	}
	return none
}

// effect is that of the first module that has one, if the input comes as far as that.
func (q Sequential) effect() effect {
	for _, m := range q {
		if e := effectOf(m); e != shares {
			return e
		}
	}
	return shares
}
