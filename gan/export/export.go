// Package export writes a network of a checkpoint for those who use it elsewhere.
package export

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/gan/checkpoint"
	"forger/gan/method"
	"forger/internal/atomicfile"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/onnx"
	"forger/torch/pt"
	"forger/torch/safetensors"
)

// Options say what to take out of a checkpoint, and in which form.
type Options struct {
	Checkpoint string
	Net        string // as the method names it: generator, discriminator, ema; "": the one that samples are drawn from
	Format     string // a key of Formats
	Out        string
}

// Format is an entry of the table of export formats.
type Format struct {
	Doc   string
	write func(o Options, read checkpoint.Reader) error
}

// Formats is where a format is added.
var Formats = map[string]Format{
	"pth":         {"a state_dict, for load_state_dict of PyTorch", exportPTH},
	"safetensors": {"the tensors alone, for every framework", exportSafetensors},
	"onnx":        {"weights and operations (opset 17, inference), for ONNX Runtime and its like", exportONNX},
	"torchscript": {"weights and operations (inference), for torch.jit.load without a class", exportScript},
}

// words lists what a network may be called, whatever the method.
func words() []string {
	var all []string
	for _, e := range method.Table {
		all = append(all, setting.Keys(e.Words)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// check checks the names. Errors are *setting.UsageError.
func (o Options) check() error {
	if o.Net != "" && !slices.Contains(words(), o.Net) {
		return setting.Usagef("--net %q: unknown: have %s", o.Net, strings.Join(words(), ", "))
	}
	if _, ok := Formats[o.Format]; !ok {
		return setting.Usagef("--format %q: unknown: have %s", o.Format, strings.Join(setting.Keys(Formats), ", "))
	}
	return nil
}

// Write writes a network of a checkpoint to a file, whole or not at all.
func Write(o Options, read checkpoint.Reader) (err error) {
	defer torch.Catch(&err)
	if err := o.check(); err != nil {
		return err
	}
	if o.Net == "" {
		if o.Net, err = drawn(o.Checkpoint, read); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(o.Out), 0o755); err != nil {
		return fmt.Errorf("--out %s: %w: name a file that can be written", o.Out, atomicfile.Bare(err))
	}
	return Formats[o.Format].write(o, read)
}

// drawn is what the method calls the network that samples are drawn from.
func drawn(path string, read checkpoint.Reader) (word string, err error) {
	file, err := pt.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	of, err := options(file, read)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return of.Entry().Word, nil
}

// options are the method's of a checkpoint.
func options(file *pt.File, read checkpoint.Reader) (method.Options, error) {
	config, err := checkpoint.Config(file.Root())
	if err != nil {
		return method.Options{}, err
	}
	of, _, err := read(config)
	return of, err
}

// endings tell a format by the name of its file. A .pt may be a state_dict or TorchScript.
var endings = map[string]string{".pth": "pth", ".safetensors": "safetensors", ".onnx": "onnx", ".ts": "torchscript", ".torchscript": "torchscript"}

// FormatOf is the format that the ending of a file's name tells, or "".
func FormatOf(out string) string { return endings[strings.ToLower(filepath.Ext(out))] }

// state is the state_dict as it lies in the checkpoint, or where weights are normalised, with the weights as they are computed
// with, under their plain names. The tensors are read before it is closed.
func state(o Options, read checkpoint.Reader) (of *pt.Dict, done func(), err error) {
	file, err := pt.Open(o.Checkpoint)
	if err != nil {
		return nil, nil, err
	}
	// Only read from: closing it loses nothing.
	done = func() { _ = file.Close() }
	if of, err = find(o, file, read); err != nil {
		done()
		return nil, nil, fmt.Errorf("%s: %w", o.Checkpoint, err)
	}
	if !slices.ContainsFunc(of.Keys(), func(key any) bool { return strings.Contains(fmt.Sprint(key), "parametrizations.") }) {
		return of, done, nil
	}
	done()
	opened, err := checkpoint.Open(o.Checkpoint, o.Net, false, "cpu", read)
	if err != nil {
		return nil, nil, err
	}
	return checkpoint.StateDict(opened.Net.Module, checkpoint.OnDemand), opened.Root.Close, nil
}

func find(o Options, file *pt.File, read checkpoint.Reader) (*pt.Dict, error) {
	of, err := options(file, read)
	if err != nil {
		return nil, err
	}
	key, ok := of.Entry().Words[o.Net]
	if !ok {
		return nil, setting.Usagef("--net %q: a %s has %s", o.Net, of.Method, strings.Join(setting.Keys(of.Entry().Words), ", "))
	}
	found, err := pt.At[*pt.Dict](file.Root(), key)
	if err != nil {
		return nil, checkpoint.Missing(key)
	}
	return found, nil
}

func exportPTH(o Options, read checkpoint.Reader) error {
	of, done, err := state(o, read)
	if err != nil {
		return err
	}
	defer done()
	return pt.WriteFile(o.Out, of)
}

func exportSafetensors(o Options, read checkpoint.Reader) error {
	of, done, err := state(o, read)
	if err != nil {
		return err
	}
	defer done()
	return safetensors.WriteFile(o.Out, of, map[string]string{"format": "pt"})
}

// described is a network on the CPU, what it does, and the form of what goes in and comes out.
type described struct {
	*checkpoint.Opened
	graph   *nn.Graph
	inputs  []onnx.Value
	outputs []onnx.Value
	results []string // the graph's values that are the outputs
}

// describe loads the network to export and lists its operations. Logits that are read as probabilities get the official
// Sigmoid, which training leaves to the loss.
func describe(o Options, read checkpoint.Reader) (*described, error) {
	opened, err := checkpoint.Open(o.Checkpoint, o.Net, false, "cpu", read)
	if err != nil {
		return nil, err
	}
	d := &described{Opened: opened}
	d.inputs = []onnx.Value{value(opened.Net.Input)}
	if opened.Net.Classes > 0 {
		d.inputs = append(d.inputs, onnx.Value{Name: nn.LabelsInput, Type: pt.Int64, Dims: onnx.Shape("N")})
		d.graph, err = nn.DescribeFor(opened.Net.Module)
	} else {
		d.graph, err = nn.Describe(opened.Net.Module)
	}
	if err != nil {
		opened.Root.Close()
		return nil, err
	}
	if opened.Net.Probabilities {
		d.graph.Add(nn.Node{Op: "sigmoid", Inputs: []string{d.graph.Output}})
	}
	d.outputs, d.results = []onnx.Value{value(opened.Net.Output)}, []string{d.graph.Output}
	if opened.Net.Second != "" {
		d.part()
	}
	return d, nil
}

// part makes two outputs of one that is two values side by side.
func (d *described) part() {
	n, whole := d.Net.Output.Shape[0], d.graph.Output
	half := func(i int) string {
		return d.graph.Add(nn.Node{Op: "narrow", Inputs: []string{whole}, Dims: []int{1}, Shape: []int{i * n, n}})
	}
	d.outputs = append(d.outputs, value(method.Value{Name: d.Net.Second, Shape: d.Net.Output.Shape}))
	d.results = []string{half(0), half(1)}
}

// joined is one table of two.
func joined[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func value(v method.Value) onnx.Value {
	return onnx.Value{Name: v.Name, Type: pt.Float32, Dims: onnx.Shape("N", v.Shape...)}
}
