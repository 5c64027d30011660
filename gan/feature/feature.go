// Package feature turns images into what measures compare: pixels, or what a network sees in them. Figures of different
// features are different figures: each extractor says what it is.
package feature

import (
	"context"
	"fmt"
	"strings"

	"forger/data"
	"forger/internal/setting"
	"forger/torch"
)

// Extractor makes features of a batch of data.
type Extractor struct {
	// Protocol says all that a figure depends on beside the data.
	Protocol string
	Width    int      // features of an element
	Pixels   bool     // the features are the data itself
	Classes  []string // of the logits, where they have names
	// Of takes images [N,C,H,W] in [-1,1], or points [N,D], to features [N,F] and, of a classifier, its logits [N,K].
	Of   func(x torch.Tensor) (features, logits torch.Tensor)
	free func() // what no scope owns; nil: there is nothing
}

// Close frees what the extractor holds beside its scope's tensors.
func (e *Extractor) Close() {
	if e != nil && e.free != nil {
		e.free()
	}
}

// From is what an extractor may be made from.
type From struct {
	Context context.Context
	Scope   *torch.Scope // where its weights live; its tensors record no graph
	Shape   data.Shape   // of the data
	Path    string       // what follows the colon, or a file
	Options Options
	Tell    func(string) // what takes a while, a line each
}

// Entry is a kind of features.
type Entry struct {
	Usage, Doc string
	path       bool
	options    func(o Options) Options // those that it heeds; nil: none
	open       func(f From) (*Extractor, error)
}

// kinds is where a kind of features is added: one line here, one file beside this one.
var kinds = map[string]Entry{
	"pixels": {Usage: "pixels", Doc: "the data itself", open: pixels},
	"random": {Usage: "random", Doc: "a fixed convolutional network of random weights: no download, comparable between machines", open: random},
	"classifier": {
		Usage: "classifier:SPEC", Doc: "a small network that learns the labels of SPEC, once; kept in the user's cache", path: true, open: classifier,
	},
	"inception": {
		Usage: "inception:FILE", Doc: "the Inception v3 of FID, with the weights that pytorch-fid and torch-fidelity load (.pth)", path: true,
		options: func(o Options) Options { return Options{Resizer: o.Resizer} }, open: inception,
	},
	"FILE": {
		Usage: "FILE", Doc: "a TorchScript network that makes features [N,F] of images, or a tuple of them and logits [N,K]",
		options: func(o Options) Options { return o }, open: script,
	},
}

// Open makes the extractor of a spec `name[:path]`, or of a file. Errors of the spec are *setting.UsageError.
func Open(spec string, f From) (*Extractor, error) {
	e, path, err := parse(spec)
	if err != nil {
		return nil, err
	}
	if f.Shape.IsPoints() && spec != "pixels" {
		return nil, setting.Usagef("--features %s: it is for images, and the data are points: leave it out", spec)
	}
	f.Path = path
	return e.open(f)
}

// Check tells what a spec and the options show to be wrong: a *setting.UsageError.
func Check(spec string, o Options) error {
	e, _, err := parse(spec)
	if err != nil {
		return err
	}
	var left Options
	left.Settings("").Reset()
	heeded := left
	if e.options != nil {
		heeded = e.options(o)
	}
	for i, r := range o.Settings("") {
		if !r.Same(heeded.Settings("")[i]) && !r.Same(left.Settings("")[i]) {
			return setting.Usagef("%s: features of %s do not take it: leave it out", r, spec)
		}
	}
	return nil
}

// parse looks a spec up. What is no kind and looks like a file is one.
func parse(spec string) (e Entry, path string, err error) {
	name, path, colon := strings.Cut(spec, ":")
	e, ok := kinds[name]
	switch {
	case !ok && strings.ContainsAny(spec, "./"):
		return kinds["FILE"], spec, nil
	case !ok, name == "FILE":
		return e, "", setting.Usagef("--features %q: unknown: have %s", spec, strings.Join(usages(), ", "))
	case e.path && path == "":
		return e, "", setting.Usagef("--features %q: nothing after the colon: write %s", spec, e.Usage)
	case !e.path && colon:
		return e, "", setting.Usagef("--features %q: it takes nothing more: write %s", spec, e.Usage)
	}
	return e, path, nil
}

func usages() []string {
	var all []string
	for _, name := range setting.Keys(kinds) {
		all = append(all, kinds[name].Usage)
	}
	return all
}

// Words are the kinds as a help explains them.
func Words() []setting.Word {
	all := setting.Words(kinds, func(e Entry) string { return e.Doc })
	for i, w := range all {
		all[i].Word = kinds[w.Word].Usage
	}
	return all
}

// pixels are the data itself, a row each.
func pixels(f From) (*Extractor, error) {
	what := "pixels in [-1,1]"
	if f.Shape.IsPoints() {
		what = "points"
	}
	return &Extractor{
		Protocol: fmt.Sprintf("%s, %s", what, f.Shape), Pixels: true, Width: f.Shape.Points + f.Shape.Height*f.Shape.Width*f.Shape.Channels,
		Of: func(x torch.Tensor) (torch.Tensor, torch.Tensor) { return x.Reshape(x.Shape()[0], -1), torch.Tensor{} },
	}, nil
}
