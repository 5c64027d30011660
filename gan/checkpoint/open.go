package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"forger/data"
	"forger/gan/method"
	"forger/gan/model"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"
)

// Config is the text of the settings that a checkpoint keeps, of one that this program can read.
func Config(root any) (string, error) {
	text, err := pt.At[string](root, "config")
	if err != nil {
		return "", errors.New("not a checkpoint of forger: it has no config: name one that forger train wrote")
	}
	version, err := pt.At[int64](root, "format")
	if err != nil || version > format {
		return "", fmt.Errorf("format %d: this program reads up to %d: use a newer forger", version, format)
	}
	return text, nil
}

// Reader takes what the networks need to know from a checkpoint's settings: the method's options, and the shape of the data.
type Reader func(config string) (method.Options, data.Shape, error)

// Opened is a network of a checkpoint in inference mode: no graph, running statistics.
type Opened struct {
	Options method.Options
	Shape   data.Shape // of the data it was trained on
	Net     method.Net
	Judge   method.Net   // the network that scores points, beside one that draws them
	Root    *torch.Scope // the caller closes it
	nets    []method.Net // all of the method
}

// Open loads a network of a checkpoint onto a device: the one that word names in `export --net`, or with "" the one that
// samples are drawn from, its average if that is wanted.
func Open(path, word string, average bool, device string, read Reader) (_ *Opened, err error) {
	defer torch.Catch(&err)
	file, err := pt.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	config, err := Config(file.Root())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	o := &Opened{}
	if o.Options, o.Shape, err = read(config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	dev, _, err := torch.OpenDevice(device)
	if err != nil {
		return nil, err
	}
	if _, err := torch.SetMath(torch.Math{}); err != nil { // a picture is worth full precision
		return nil, err
	}
	if o.Root, err = torch.NewScope(torch.On(dev), torch.Layout(torch.ChannelsLast), torch.NoGrad, torch.Eval); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.Root.Close()
		}
	}()
	defer torch.Catch(&err)
	nets := o.Options.Entry().Nets(model.NewBuilder(o.Root, 0).Blank(), o.Options, o.Shape)
	if o.Net, err = choose(nets, o.Options, word, average); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	loaded := []method.Net{o.Net}
	if o.Judge = o.Options.Judge(nets); word == "" && o.Judge.TakesPoints(o.Shape.Points) {
		loaded = append(loaded, o.Judge)
	}
	if o.nets = nets; word == "" && o.Options.Entry().Likelihood != nil {
		loaded = nets
	}
	for _, n := range loaded {
		state, err := pt.At[*pt.Dict](file.Root(), n.Key)
		if err == nil {
			err = LoadState(o.Root, n.Module, state)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w: is it a checkpoint of another version?", path, n.Key, err)
		}
	}
	nn.RemoveSpectralNorm(o.Root, o.Net.Module) // what is used is used as it computes
	o.Root.Seal()
	return o, nil
}

// choose finds the network that is asked for.
func choose(nets []method.Net, o method.Options, word string, average bool) (method.Net, error) {
	if word != "" {
		key, ok := o.Entry().Words[word]
		if i := slices.IndexFunc(nets, func(n method.Net) bool { return n.Key == key }); i >= 0 {
			return nets[i], nil
		}
		if ok {
			return method.Net{}, Missing(key)
		}
		return method.Net{}, setting.Usagef("--net %q: a %s has %s", word, o.Method, strings.Join(setting.Keys(o.Entry().Words), ", "))
	}
	for _, n := range nets {
		if n.Draws && (n.Averages != "") == average {
			return n, nil
		}
	}
	return method.Net{}, Missing("averaged network")
}

// Missing says that a checkpoint has not the network of a key.
func Missing(key string) error {
	return fmt.Errorf("it has no %s: it was trained without --ema: take the network itself", key)
}

// Sampler draws from the network.
func (o *Opened) Sampler() method.Sampler {
	return o.Options.Entry().Sampler(o.Net, o.Options, o.Shape)
}

// Parameters counts what was trained, and of that what the network that is open has.
func (o *Opened) Parameters() (all, of int) {
	for _, n := range o.nets {
		if n.Averages == "" {
			all += numbersOf(n.Module)
		}
	}
	return all, numbersOf(o.Net.Module)
}

func numbersOf(m nn.Module) (n int) {
	for _, p := range nn.Parameters(m) {
		of := 1
		for _, size := range p.Shape() {
			of *= size
		}
		n += of
	}
	return n
}

// Likelihood is that of the networks that samples are drawn from, where the method knows one.
func (o *Opened) Likelihood() (of method.Likelihood, ok bool) {
	likelihood := o.Options.Entry().Likelihood
	if likelihood == nil {
		return of, false
	}
	return likelihood(o.nets, o.Net.Averages != "", o.Options, o.Shape), true
}
