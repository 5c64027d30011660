package nn

import (
	"fmt"
	"slices"
	"strconv"

	"forger/torch"
)

// Graph is a network in inference mode as a list of operations, for those who write it in another language.
type Graph struct {
	Nodes  []Node   // each behind those whose values it reads
	Inputs []string // values
	Output string   // a value
	err    error
}

// Node is an operation of torch.nn.functional.
type Node struct {
	Op     string   // its name there, as in "conv2d", or in torch, as in "add"
	Inputs []string // values
	Output string
	Params []string // state_dict keys, in the function's order; "" where one is left out

	Conv  torch.Conv // of conv1d, conv2d and conv_transpose2d, defaults filled in
	Eps   float64    // of the normalisations and minibatch_stddev
	Slope float64    // of leaky_relu; elu's alpha
	Shape []int      // of reshape, -1 is what is left; of layer_norm and adaptive_avg_pool2d; the sides of pad; start and length of narrow
	Dims  []int      // of sum, mean, softmax, log_softmax and narrow

	Pool          torch.Pool          // of avg_pool2d and max_pool2d, defaults filled in
	Factor        int                 // of interpolate and the pixel shuffles; groups of group_norm, a group of minibatch_stddev
	Interpolation torch.Interpolation // of interpolate
	Border        torch.Border        // of pad
	Tanh          bool                // of gelu
}

// describer is a module that can say what it does in inference mode: it appends to g what becomes of value x, and
// returns the result's name. Parameters are named under prefix.
type describer interface {
	Describe(g *Graph, prefix, x string) string
}

// NewGraph makes a graph without operations whose inputs have these names.
func NewGraph(inputs ...string) *Graph { return &Graph{Inputs: inputs} }

// Describe lists what m does in inference mode with one input, "input".
func Describe(m Module) (*Graph, error) {
	g := NewGraph("input")
	g.Output = g.Describe(m, "", g.Inputs[0])
	return g, g.Err()
}

// Err is what kept a module from being described.
func (g *Graph) Err() error { return g.err }

// Describe appends what module m does to value x.
func (g *Graph) Describe(m Module, prefix, x string) string {
	d, ok := m.(describer)
	if !ok {
		g.err = fmt.Errorf("nn: describe: %s: a %T cannot be written in another language: give it a Describe method", prefix, m)
		return x
	}
	return d.Describe(g, prefix, x)
}

// Add appends an operation, which needs no Output yet, and returns its value.
func (g *Graph) Add(n Node) string {
	n.Output = "v" + strconv.Itoa(len(g.Nodes))
	g.Nodes = append(g.Nodes, n)
	g.Output = n.Output
	return n.Output
}

// params names a module's parameters and buffers; have says which of the optional ones there are.
func params(prefix string, have torch.Tensor, names ...string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		if name != "bias" || have.Valid() {
			keys[i] = join(prefix, name)
		}
	}
	return keys
}

// Describe is linear(x, weight, bias).
func (l *Linear) Describe(g *Graph, prefix, x string) string {
	return g.Add(Node{Op: "linear", Inputs: []string{x}, Params: params(prefix, l.Bias, "weight", "bias")})
}

// Describe is conv1d(x, weight, bias).
func (c *Conv1d) Describe(g *Graph, prefix, x string) string {
	return g.Add(Node{Op: "conv1d", Inputs: []string{x}, Params: params(prefix, c.Bias, "weight", "bias"), Conv: c.conv.Filled()})
}

// Describe is conv2d(x, weight, bias).
func (c *Conv2d) Describe(g *Graph, prefix, x string) string {
	return g.Add(Node{Op: "conv2d", Inputs: []string{x}, Params: params(prefix, c.Bias, "weight", "bias"), Conv: c.conv.Filled()})
}

// Describe is conv_transpose2d(x, weight, bias).
func (c *ConvTranspose2d) Describe(g *Graph, prefix, x string) string {
	return g.Add(Node{
		Op: "conv_transpose2d", Inputs: []string{x}, Params: params(prefix, c.Bias, "weight", "bias"), Conv: c.conv.Filled(),
	})
}

// Describe is batch_norm(x, running_mean, running_var, weight, bias).
func (b *BatchNorm2d) Describe(g *Graph, prefix, x string) string {
	n := Node{
		Op: "batch_norm", Inputs: []string{x}, Eps: b.norm.Eps,
		Params: params(prefix, b.norm.Bias, "running_mean", "running_var", "weight", "bias"),
	}
	if !b.norm.Weight.Valid() {
		n.Params[2] = ""
	}
	return g.Add(n)
}

// Describe is nothing: what is dropped in training is not in inference.
func (d *Dropout) Describe(_ *Graph, _, x string) string { return x }

// Describe is the modules in turn.
func (q Sequential) Describe(g *Graph, prefix, x string) string {
	for i, m := range q {
		x = g.Describe(m, join(prefix, strconv.Itoa(i)), x)
	}
	return x
}

// Describe is the activation.
func (a Activation) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: a.op, Inputs: []string{x}, Slope: a.slope, Tanh: a.tanh, Dims: a.dims})
}

// Describe is reshape(x, shape).
func (r Reshape) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "reshape", Inputs: []string{x}, Shape: slices.Clone(r)})
}
