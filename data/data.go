package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Shape is the form of every image a dataset yields, uint8 [H,W,C].
type Shape struct{ Height, Width, Channels int }

// Bytes is the size of an image.
func (s Shape) Bytes() int { return s.Height * s.Width * s.Channels }

// Options ask a source for images of one form.
type Options struct {
	Size     int    // image side; 0: the source's own
	Channels int    // 1 or 3; 0: the source's default
	Seed     uint64 // for sources that draw their images
}

// Dataset is a list of images, an epoch long. Its methods may be called from several goroutines at once.
type Dataset interface {
	// Spec is what Open was given.
	Spec() string
	// Len is the number of images of an epoch.
	Len() int
	Shape() Shape
	// Read writes image i of an epoch to dst, uint8 [H,W,C]. Only sources that draw their images heed the epoch.
	Read(epoch, i int, dst []byte) error
	// Label is the class of image i, -1 where there is none.
	Label(i int) int
	// Classes names the labels; nil where there are none.
	Classes() []string
	// Fingerprint identifies the contents: a set that changed has another.
	Fingerprint() string
	Close() error
}

// Source is an entry of the table of sources.
type Source struct {
	Usage    string // e.g. "mnist:DIR"
	Doc      string
	Channels int // default
	path     bool
	open     func(path string, o Options) (Dataset, error)
}

// Sources is where a dataset is added: one line here, one file beside this one.
var Sources = map[string]Source{
	"glyphs": {"glyphs", "embedded: digits drawn from the Go fonts under random affine maps, labelled, 60,000 an epoch", 1, false, openGlyphs},
	"mnist":  {"mnist:DIR", "IDX files train-images-idx3-ubyte and train-labels-idx1-ubyte, gzipped or not", 1, true, openMNIST},
	"folder": {"folder:DIR", "JPEG, PNG and GIF files below DIR; the first folder level is the label", 3, true, openFolder},
	"packed": {"packed:FILE", "decoded images in one file, of one size, as `forger data pack` writes them", 0, true, openPacked},
}

// SpecError is what the text of a spec alone shows to be wrong.
type SpecError struct{ Msg string }

func (e *SpecError) Error() string { return e.Msg }

// Parse splits a spec `name[:path]` and looks the name up. Errors are *SpecError.
func Parse(spec string) (name, path string, src Source, err error) {
	name, path, hasPath := strings.Cut(spec, ":")
	src, ok := Sources[name]
	switch {
	case !ok:
		err = &SpecError{fmt.Sprintf("data %q: unknown: have %s", spec, strings.Join(usages(), ", "))}
	case src.path && path == "":
		err = &SpecError{fmt.Sprintf("data %q: no path given: write %s", spec, src.Usage)}
	case !src.path && hasPath:
		err = &SpecError{fmt.Sprintf("data %q: %s takes no path: write %s", spec, name, src.Usage)}
	}
	return name, path, src, err
}

func usages() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(Sources)) {
		all = append(all, Sources[name].Usage)
	}
	return all
}

// Open opens the dataset that a spec names.
func Open(spec string, o Options) (Dataset, error) {
	_, path, src, err := Parse(spec)
	if err != nil {
		return nil, err
	}
	if o.Channels == 0 {
		o.Channels = src.Channels
	}
	return src.open(path, o)
}
