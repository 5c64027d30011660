package data

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forger/internal/setting"
	"forger/vision"
)

// Options ask a source for images of one form. Of points Size, Channels, CropBefore and Flip ask nothing that makes
// sense, which is an error.
type Options struct {
	Size        vision.Size // of images; none: DefaultSize
	DefaultSize vision.Size // of images alone, not of points; none: the source's own
	Channels    int         // 1 or 3; 0: the source's default
	Seed        uint64      // for sources that draw their images, for Flip and for what takes the place of corrupt files

	// Weights are the shares of a mixture's sources, numbers with commas between; "": by their size.
	Weights string
	// Filter keeps the images whose labels match: names or globs (path.Match) with commas between, e.g. "cat,dog" or
	// "n02*"; "": all. One that matches no label is an error. Labels keep their numbers.
	Filter string
	Limit  int  // at most so many images, chosen by Seed after Filter, in the source's order; 0: all
	Flip   bool // mirror half of the images, anew each epoch (Flipped)
	// Balance shows each class as often as the largest, elements of smaller ones several times an epoch.
	Balance bool
	// SkipCorrupt is how many files may be no images. Each is replaced by another image, always the same; Skipped lists
	// them. One more is an error.
	SkipCorrupt int
	CropBefore  int      // take the centre square of so many pixels a side before the resize (CelebA: 108 or 178); 0: all
	FastDecode  bool     // let libjpeg-turbo shrink a JPEG while it decodes, where the target is that much smaller
	Background  *[3]byte // RGB under transparent pixels; nil: white
	MaxPixels   int      // larger images are refused before they are decoded; 0: vision.MaxPixels

	// Rules say which files a source takes and which images Limit leaves: 0: as now; 1: as the first runs had them.
	Rules int

	CacheBytes int64 // keep so many bytes of decoded images in memory; sources that decode files heed it

	// CacheDir is where the list of a large folder and what was unpacked of compressed archives are kept; "": nowhere. It
	// is made when it is needed; Warn hears that it cannot be.
	CacheDir string
	Relist   bool // list folders as they are now, whatever list is kept

	Unpacking func(done, total int64) // bytes of a compressed archive that were read while it is unpacked; may be nil
	Warn      func(text string)       // what goes on all the same; may be nil
}

// warn tells the user, where anybody listens.
func (o Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// Dataset is a list of elements, images or points, an epoch long. Its methods may be called from several goroutines at
// once.
type Dataset interface {
	// Spec is what Open was given.
	Spec() string
	// Len is the number of elements of an epoch.
	Len() int
	Shape() Shape
	// Read writes element i of an epoch to dst, as Shape has it. Only sources that draw their elements heed the epoch.
	Read(epoch, i int, dst []byte) error
	// Label is the class of element i, -1 where there is none.
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
	Channels int  // default
	Decodes  bool // image files, which takes time
	path     bool
	drawn    bool     // its images differ from epoch to epoch
	sized    bool     // they have one size and no other
	mixture  *Mixture // what its points are drawn from
	open     func(path string, o Options) (Dataset, error)
}

// Sources is where a dataset is added: one line here, one file beside this one.
var Sources = map[string]Source{
	"glyphs": {
		Usage: "glyphs", Doc: "embedded: digits drawn from the Go fonts under random affine maps, labelled, 60,000 an epoch",
		Channels: 1, drawn: true, open: openGlyphs,
	},
	"mnist": {
		Usage: "mnist:DIR", Doc: "IDX files train-images-idx3-ubyte and train-labels-idx1-ubyte, gzipped or not",
		Channels: 1, path: true, open: openMNIST,
	},
	"mnist-test": {
		Usage: "mnist-test:DIR", Doc: "the same folder's t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, to compare with",
		Channels: 1, path: true, open: openMNISTTest,
	},
	"cifar10": {
		Usage: "cifar10:DIR", Doc: "CIFAR-10, binary version: data_batch_1.bin to data_batch_5.bin",
		Channels: 3, path: true, open: openCIFAR10,
	},
	"folder": {
		Usage: "folder:DIR", Doc: "image files below DIR; the first folder level is the label, labels.csv (path,label) beside them overrides it",
		Channels: 3, path: true, Decodes: true, open: openFolder,
	},
	"zip": {
		Usage: "zip:FILE", Doc: "image files in a zip archive, labelled as in a folder; a folder around all of them is no label",
		Channels: 3, path: true, Decodes: true, open: openZip,
	},
	"tar": {
		Usage: "tar:FILE", Doc: "image files in a .tar, .tgz or .tar.zst archive, labelled as in zip",
		Channels: 3, path: true, Decodes: true, open: openTar,
	},
	"npy": {
		Usage: "npy:FILE", Doc: "a NumPy array: points, float32 or float64 [N,D]; images, uint8 [N,H,W,C] or [N,H,W], float32 [N,C,H,W] from -1 to 1; " +
			"labels beside NAME.npy in NAME.labels.npy, int64 [N]",
		path: true, open: openNPY,
	},
	"packed": {
		Usage: "packed:FILE", Doc: "decoded images in one file, of one size, as `forger data pack` writes them",
		path: true, sized: true, open: openPacked,
	},
	"stacked-mnist": {
		Usage: "stacked-mnist:DIR", Doc: "three random digits of mnist:DIR as RGB, 1,000 modes, 128,000 an epoch; the label is the three digits",
		Channels: 3, path: true, open: openStacked,
	},
	"gaussian1d": {
		Usage: "gaussian1d", Doc: "points: N(0,1), 100,000 an epoch as of all toys; the latents' prior that goes with it is uniform01",
		drawn: true, mixture: gaussian1d, open: gaussian1d.drawn("gaussian1d"),
	},
	"ring8": {
		Usage: "ring8", Doc: "points: eight normal modes on the unit circle, standard deviation .01, labelled",
		drawn: true, mixture: ring8, open: ring8.drawn("ring8"),
	},
	"grid25": {
		Usage: "grid25", Doc: "points: twenty-five normal modes on a square lattice from -4 to 4, standard deviation .05, labelled",
		drawn: true, mixture: grid25, open: grid25.drawn("grid25"),
	},
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
		err = &SpecError{fmt.Sprintf("data %q: unknown%s: have %s", spec, meant(spec), strings.Join(usages(), ", "))}
	case src.path && path == "":
		err = &SpecError{fmt.Sprintf("data %q: no path given: write %s", spec, src.Usage)}
	case !src.path && hasPath:
		err = &SpecError{fmt.Sprintf("data %q: %s takes no path: write %s", spec, name, src.Usage)}
	}
	return name, path, src, err
}

// endings tell the source of a path that was given without one.
var endings = map[string]string{
	".zip": "zip", ".tar": "tar", ".tgz": "tar", ".tar.gz": "tar", ".tar.zst": "tar", ".npy": "npy", ".pack": "packed",
}

// meant guesses what a spec without a source's name means: a name with a slip in it, or what lies at a path.
func meant(spec string) string {
	name, path, hasPath := strings.Cut(spec, ":")
	if hasPath || !strings.ContainsAny(spec, "/.") {
		guess := setting.DidYouMean(name, slices.Sorted(maps.Keys(Sources)), "")
		if hasPath {
			guess = strings.Replace(guess, "?", ":"+path+"?", 1)
		}
		return guess
	}
	source := "folder"
	for ending, of := range endings {
		if strings.HasSuffix(strings.ToLower(spec), ending) {
			source = of
		}
	}
	return ": did you mean " + source + ":" + spec + "?"
}

// Absolute is a spec with its paths from the root, "" where it has none.
func Absolute(spec string) string {
	all, found := parts(spec), false
	for i, part := range all {
		name, path, _, err := Parse(part)
		if err != nil || path == "" {
			continue
		}
		whole, err := filepath.Abs(path)
		if err != nil { // there is no working directory any more
			return ""
		}
		all[i], found = name+":"+whole, true
	}
	if !found {
		return ""
	}
	return strings.Join(all, joint)
}

// IsThere reports whether there is something at each path of a spec that has any.
func IsThere(spec string) bool {
	found := false
	for _, part := range parts(spec) {
		_, path, _, err := Parse(part)
		if err != nil || path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return false
		}
		found = true
	}
	return found
}

func usages() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(Sources)) {
		all = append(all, Sources[name].Usage)
	}
	return all
}

// Open opens the dataset that a spec names, or the mixture that several do, joined by " + ".
func Open(spec string, o Options) (Dataset, error) {
	specs := parts(spec)
	for _, spec := range specs {
		if _, _, _, err := Parse(spec); err != nil {
			return nil, err
		}
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	ds, err := openOne(specs, o)
	if err != nil {
		return nil, err
	}
	whole := ds
	if ds, err = selected(ds, o); err != nil {
		return nil, errors.Join(err, whole.Close())
	}
	if o.CacheBytes > 0 && worthCaching(specs) {
		ds = withCache(ds, o.CacheBytes)
	}
	if o.SkipCorrupt > 0 {
		ds = newSkipping(ds, o)
	}
	if o.Balance {
		whole = ds
		if ds, err = newBalanced(ds); err != nil {
			return nil, errors.Join(err, whole.Close())
		}
	}
	if o.Flip {
		ds = &flipping{Dataset: ds, seed: o.Seed}
	}
	return ds, nil
}

// openOne opens all of what specs name, as one dataset.
func openOne(specs []string, o Options) (Dataset, error) {
	if len(specs) > 1 {
		return openMixture(specs, o)
	}
	if _, err := parseWeights(o.Weights, 1); err != nil {
		return nil, err
	}
	return openSource(specs[0], o)
}

// worthCaching tells whether elements are the same each epoch, and some of them files to decode.
func worthCaching(specs []string) bool {
	files := false
	for _, spec := range specs {
		name, _, _ := strings.Cut(spec, ":")
		if Sources[name].drawn {
			return false
		}
		files = files || Sources[name].Decodes
	}
	return files
}

// openSource opens all of a source, as it lies there.
func openSource(spec string, o Options) (Dataset, error) {
	name, path, src, err := Parse(spec)
	if err != nil {
		return nil, err
	}
	if o.CropBefore > 0 && !src.Decodes {
		return nil, &SpecError{fmt.Sprintf("data %q: crop-before %d is for image files, which %s has none of: leave it out", spec, o.CropBefore, name)}
	}
	asked := o
	if o.Channels == 0 {
		o.Channels = src.Channels
	}
	if o.Size.IsZero() && !src.sized {
		o.Size = o.DefaultSize
	}
	ds, err := src.open(path, o)
	if err != nil {
		return nil, err
	}
	if ds.Shape().IsPoints() {
		if err := asked.fitPoints(spec); err != nil {
			return nil, errors.Join(err, ds.Close())
		}
	}
	return ds, nil
}

// fitPoints refuses what can be asked of images alone.
func (o Options) fitPoints(spec string) error {
	for _, option := range []struct {
		name  string
		asked bool
	}{{"size", !o.Size.IsZero()}, {"channels", o.Channels != 0}, {"flip", o.Flip}} {
		if option.asked {
			return &SpecError{fmt.Sprintf("data %q: %s is for images, and this holds points: take images, or leave it out", spec, option.name)}
		}
	}
	return nil
}

// validate tells what the options alone show to be wrong. Errors are *SpecError.
func (o Options) validate() error {
	if o.Size.Height < 0 || o.Size.Width < 0 || (o.Size.Height == 0) != (o.Size.Width == 0) {
		return &SpecError{fmt.Sprintf("size %s: no image has it: use 0 (the source's own), a side, or HEIGHTxWIDTH", o.Size)}
	}
	if o.Channels != 0 && o.Channels != 1 && o.Channels != 3 {
		return &SpecError{fmt.Sprintf("channels %d: neither gray nor RGB: use 1 or 3", o.Channels)}
	}
	for _, pattern := range strings.Split(o.Filter, ",") {
		if _, err := path.Match(pattern, ""); err != nil {
			return &SpecError{fmt.Sprintf("filter %q: %s is no glob: write names of labels, * and ?, with commas between", o.Filter, pattern)}
		}
	}
	if o.Rules < 0 || o.Rules > rulesNow {
		return &SpecError{fmt.Sprintf("data-rules %d: unknown: use %d, or %d as the first runs had them", o.Rules, rulesNow, rulesFirst)}
	}
	if o.Limit < 0 || o.SkipCorrupt < 0 {
		return &SpecError{fmt.Sprintf("limit %d, skip-corrupt %d: neither may be negative", o.Limit, o.SkipCorrupt)}
	}
	if o.CropBefore < 0 || o.MaxPixels < 0 {
		return &SpecError{fmt.Sprintf("crop-before %d, max-pixels %d: neither may be negative", o.CropBefore, o.MaxPixels)}
	}
	return nil
}
