package gan

import (
	"errors"
	"fmt"

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
	graph  *nn.Graph
	inputs []onnx.Value // the graph's, in its order
	output onnx.Value
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
		d.inputs = []onnx.Value{{Name: "latents", Type: pt.Float32, Dims: onnx.Shape("N", n.Latent, 1, 1)}}
		d.output = pictures
		return d, nil
	}
	d.inputs, d.output = []onnx.Value{pictures}, onnx.Value{Name: "score", Type: pt.Float32, Dims: onnx.Shape("N")}
	if Objectives[opened.cfg.Loss].Probabilities {
		d.graph.Add(nn.Node{Op: "sigmoid", Inputs: []string{d.graph.Output}})
		d.output.Name = "probability"
	}
	return d, nil
}
