package gan

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/internal/atomicfile"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/onnx"
	"forger/torch/pt"
	"forger/torch/safetensors"
)

// ExportOptions say what to take out of a checkpoint, and in which form.
type ExportOptions struct {
	Checkpoint string
	Net        string // a key of Nets
	Format     string // a key of Formats
	Out        string
}

// Nets are the networks that can be exported, by their keys in a checkpoint.
var Nets = map[string]string{"generator": "generator", "discriminator": "discriminator", "ema": "generator_ema"}

// Format is an entry of the table of export formats.
type Format struct {
	Doc   string
	write func(o ExportOptions) error
}

// Formats is where a format is added.
var Formats = map[string]Format{
	"pth":         {"a state_dict, for load_state_dict of PyTorch", exportPTH},
	"safetensors": {"the tensors alone, for every framework", exportSafetensors},
	"onnx":        {"weights and operations (opset 17, inference), for ONNX Runtime and its like", exportONNX},
	"torchscript": {"weights and operations (inference), for torch.jit.load without a class", exportScript},
}

// Validate checks the names. Errors are *UsageError.
func (o ExportOptions) Validate() error {
	if _, ok := Nets[o.Net]; !ok {
		return usagef("--net %q: unknown: have %s", o.Net, joinNames(Nets))
	}
	if _, ok := Formats[o.Format]; !ok {
		return usagef("--format %q: unknown: have %s", o.Format, joinNames(Formats))
	}
	return nil
}

// Export writes a network of a checkpoint to a file, whole or not at all.
func Export(o ExportOptions) (err error) {
	defer torch.Catch(&err)
	if err := o.Validate(); err != nil {
		return err
	}
	return Formats[o.Format].write(o)
}

// exportedState is the state_dict as it lies in the checkpoint; the tensors are read while the file is open.
func exportedState(o ExportOptions) (*pt.Dict, *pt.File, error) {
	file, err := pt.Open(o.Checkpoint)
	if err != nil {
		return nil, nil, err
	}
	key := Nets[o.Net]
	state, err := pt.At[*pt.Dict](file.Root(), key)
	if err != nil {
		err = fmt.Errorf("%s: it has no %s: %s", o.Checkpoint, key, missingNetwork[key])
		return nil, nil, errors.Join(err, file.Close())
	}
	return state, file, nil
}

func exportPTH(o ExportOptions) (err error) {
	state, file, err := exportedState(o)
	if err != nil {
		return err
	}
	defer file.Close()
	return pt.WriteFile(o.Out, state)
}

func exportSafetensors(o ExportOptions) error {
	state, file, err := exportedState(o)
	if err != nil {
		return err
	}
	defer file.Close()
	return safetensors.WriteFile(o.Out, state, map[string]string{"format": "pt"})
}

// described is a network on the CPU, what it does, and the form of what goes in and comes out.
type described struct {
	*openedNetwork
	graph         *nn.Graph
	input, output onnx.Value
}

// describeNetwork loads the network to export and lists its operations. A discriminator whose logits are probabilities
// gets the official Sigmoid, which training leaves to the loss.
func describeNetwork(o ExportOptions) (*described, error) {
	opened, err := openNetwork(o.Checkpoint, Nets[o.Net], "cpu")
	if err != nil {
		return nil, err
	}
	d := &described{openedNetwork: opened}
	if d.graph, err = nn.Describe(opened.net); err != nil {
		opened.root.Close()
		return nil, err
	}
	n := opened.network()
	pictures := onnx.Value{Name: "images", Type: pt.Float32, Dims: onnx.Shape("N", n.Channels, n.Size, n.Size)}
	if o.Net != "discriminator" {
		d.input = onnx.Value{Name: "latents", Type: pt.Float32, Dims: onnx.Shape("N", n.Latent, 1, 1)}
		d.output = pictures
		return d, nil
	}
	d.input, d.output = pictures, onnx.Value{Name: "score", Type: pt.Float32, Dims: onnx.Shape("N")}
	if Objectives[opened.cfg.Loss].Probabilities {
		d.graph.Add(nn.Node{Op: "sigmoid", Inputs: []string{d.graph.Output}})
		d.output.Name = "probability"
	}
	return d, nil
}

func exportScript(o ExportOptions) (err error) {
	d, err := describeNetwork(o)
	if err != nil {
		return err
	}
	defer d.root.Close()
	source, err := script(d.graph)
	if err != nil {
		return err
	}
	var state []torch.ScriptState
	for _, e := range nn.Entries(d.net) {
		state = append(state, torch.ScriptState{Key: e.Name, Tensor: e.Tensor, Buffer: e.Buffer})
	}
	// libtorch writes to a name; only what is complete takes the place of what was there.
	dir, err := os.MkdirTemp("", "forger-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	written := filepath.Join(dir, "network.pt")
	d.root.SaveScript(written, source, state)
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

// script is a graph as a forward method in TorchScript's language.
func script(g *nn.Graph) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "def forward(self, %s):\n", g.Input)
	for _, n := range g.Nodes {
		write, ok := scriptOps[n.Op]
		if !ok {
			return "", fmt.Errorf("torchscript: %s: not known: have %s", n.Op, strings.Join(slices.Sorted(maps.Keys(scriptOps)), ", "))
		}
		fmt.Fprintf(&b, "    %s = torch.%s\n", n.Output, write(n))
	}
	fmt.Fprintf(&b, "    return %s\n", g.Output)
	return b.String(), nil
}

// scriptOps writes each operation as a call of the function of its name.
var scriptOps = map[string]func(n nn.Node) string{
	"linear": func(n nn.Node) string {
		return fmt.Sprintf("linear(%s, %s, %s)", n.Inputs[0], attribute(n.Params[0]), attribute(n.Params[1]))
	},
	"conv2d": func(n nn.Node) string {
		return fmt.Sprintf("conv2d(%s, %s, %s, %s, %s, %s, %d)", n.Inputs[0], attribute(n.Params[0]), attribute(n.Params[1]),
			list(n.Conv.Stride[:]), list(n.Conv.Padding[:]), list(n.Conv.Dilation[:]), n.Conv.Groups)
	},
	"conv_transpose2d": func(n nn.Node) string {
		return fmt.Sprintf("conv_transpose2d(%s, %s, %s, %s, %s, %s, %d, %s)", n.Inputs[0], attribute(n.Params[0]),
			attribute(n.Params[1]), list(n.Conv.Stride[:]), list(n.Conv.Padding[:]), list(n.Conv.OutputPadding[:]), n.Conv.Groups,
			list(n.Conv.Dilation[:]))
	},
	"batch_norm": func(n nn.Node) string {
		return fmt.Sprintf("batch_norm(%s, %s, %s, %s, %s, False, 0., %v, False)", n.Inputs[0], attribute(n.Params[2]),
			attribute(n.Params[3]), attribute(n.Params[0]), attribute(n.Params[1]), n.Eps)
	},
	"relu":       elementwise,
	"leaky_relu": func(n nn.Node) string { return fmt.Sprintf("leaky_relu(%s, %v)", n.Inputs[0], n.Slope) },
	"tanh":       elementwise,
	"sigmoid":    elementwise,
	"reshape":    func(n nn.Node) string { return fmt.Sprintf("reshape(%s, %s)", n.Inputs[0], list(n.Shape)) },
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
