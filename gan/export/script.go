package export

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/gan/checkpoint"
	"forger/internal/atomicfile"
	"forger/torch"
	"forger/torch/nn"
)

func exportScript(o Options, read checkpoint.Reader) (err error) {
	d, err := describe(o, read)
	if err != nil {
		return err
	}
	defer d.Root.Close()
	// libtorch writes to a name; only what is complete takes the place of what was there.
	dir, err := os.MkdirTemp("", "forger-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	written := filepath.Join(dir, "network.pt")
	if err := d.script(written); err != nil {
		return err
	}
	f, err := os.Open(written)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(o.Out, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// script writes the network to path.
func (d *described) script(path string) error {
	source, err := script(d.graph, d.results)
	if err != nil {
		return err
	}
	var state []torch.ScriptState
	for _, e := range nn.Entries(d.Net.Module) {
		state = append(state, torch.ScriptState{Key: e.Name, Tensor: e.Tensor, Buffer: e.Buffer})
	}
	d.Root.SaveScript(path, source, state)
	return nil
}

// script is a graph as a forward method in TorchScript's language, which returns these of its values.
func script(g *nn.Graph, results []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "def forward(self, %s):\n", strings.Join(g.Inputs, ", "))
	for _, n := range g.Nodes {
		write, ok := scriptOps[n.Op]
		if !ok {
			return "", fmt.Errorf("torchscript: %s: not known: have %s", n.Op, strings.Join(slices.Sorted(maps.Keys(scriptOps)), ", "))
		}
		fmt.Fprintf(&b, "    %s = torch.%s\n", n.Output, write(n))
	}
	fmt.Fprintf(&b, "    return %s\n", strings.Join(results, ", "))
	return b.String(), nil
}

// scriptOps writes each operation as a call of the function of its name.
var scriptOps = joined(scriptLayers, map[string]func(n nn.Node) string{
	"linear": func(n nn.Node) string {
		return fmt.Sprintf("linear(%s, %s, %s)", n.Inputs[0], attribute(n.Params[0]), attribute(n.Params[1]))
	},
	"conv2d": func(n nn.Node) string { return conv2d(n, attribute(n.Params[0]), n.Params[1]) },
	"conv_transpose2d": func(n nn.Node) string {
		return fmt.Sprintf("conv_transpose2d(%s, %s, %s, %s, %s, %s, %d, %s)", n.Inputs[0], attribute(n.Params[0]),
			attribute(n.Params[1]), list(n.Conv.Stride[:]), list(n.Conv.Padding[:]), list(n.Conv.OutputPadding[:]), n.Conv.Groups,
			list(n.Conv.Dilation[:]))
	},
	"batch_norm": func(n nn.Node) string {
		return fmt.Sprintf("batch_norm(%s, %s, %s, %s, %s, False, 0., %v, False)", n.Inputs[0], attribute(n.Params[2]),
			attribute(n.Params[3]), attribute(n.Params[0]), attribute(n.Params[1]), n.Eps)
	},
	"add":        func(n nn.Node) string { return call("add", n, second(n)) },
	"relu":       elementwise,
	"leaky_relu": func(n nn.Node) string { return fmt.Sprintf("leaky_relu(%s, %v)", n.Inputs[0], n.Slope) },
	"tanh":       elementwise,
	"sigmoid":    elementwise,
	"reshape":    func(n nn.Node) string { return fmt.Sprintf("reshape(%s, %s)", n.Inputs[0], list(n.Shape)) },
})

func conv2d(n nn.Node, weight, bias string) string {
	return fmt.Sprintf("conv2d(%s, %s, %s, %s, %s, %s, %d)", n.Inputs[0], weight, attribute(bias), list(n.Conv.Stride[:]), list(n.Conv.Padding[:]),
		list(n.Conv.Dilation[:]), n.Conv.Groups)
}

// second is the other operand of two: a value or a parameter.
func second(n nn.Node) string {
	if len(n.Inputs) > 1 {
		return n.Inputs[1]
	}
	return attribute(n.Params[0])
}

func elementwise(n nn.Node) string { return fmt.Sprintf("%s(%s)", n.Op, n.Inputs[0]) }

func list(v []int) string { return strings.ReplaceAll(fmt.Sprint(v), " ", ", ") }

// attribute is a state_dict key as an expression: modules of a Sequential are named by numbers, which only getattr takes.
func attribute(key string) string {
	if key == "" {
		return "None"
	}
	parts := strings.Split(key, ".")
	at := "self"
	for _, part := range parts {
		if part[0] >= '0' && part[0] <= '9' {
			at = fmt.Sprintf("getattr(%s, %q)", at, part)
		} else {
			at += "." + part
		}
	}
	return at
}
