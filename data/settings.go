package data

import (
	"os"
	"path/filepath"
	"strings"

	"forger/internal/machine"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/vision"
)

// Settings are what a user may ask of the data of a run.
type Settings struct {
	Spec        string // of one source, or of several joined by " + "
	Weights     string
	Size        vision.Size // none: the model's
	Channels    int         // 0: the source's
	Filter      string
	Limit       int
	Rules       int // 0: those of now
	Flip        bool
	Balance     bool
	CropBefore  int
	FastDecode  bool
	Background  string // RRGGBB
	MaxPixels   int
	SkipCorrupt int
	DropLast    bool
	Cache       string

	Unpacking func(done, total int64) // as Options have it
	Warn      func(text string)       // so too
	Sharers   func() int              // how many processes share this host's memory; nil: this one has it
}

// caches are where decoded images may stay.
var caches = []string{"auto", "device", "host", "none"}

// Settings are the settings as rows.
func (s *Settings) Settings() setting.Set {
	const of = setting.Bits | setting.Bench
	return setting.Set{
		{Name: "data", Help: "the data: " + strings.Join(usages(), ", "), Value: &s.Spec, Default: "glyphs", Check: knownSpec, Marks: of,
			Words: words(), Joint: joint},
		{Name: "data-weights", Help: "shares of several --data, e.g. 3,1; whatever they are, an epoch shows every image at least once (default: their sizes)",
			Value: &s.Weights, Marks: of | setting.Auto},
		{Name: "size", Help: "image side, or HEIGHTxWIDTH (default: the model's or, of the data commands, the source's)", Value: &s.Size, Marks: of | setting.Auto},
		{Name: "channels", Help: "1 or 3; images are converted (default: the source's)", Value: &s.Channels, Check: grayOrRGB, Marks: of | setting.Auto},
		{Name: "filter", Help: "keep the images with these labels: names or patterns, with commas between", Value: &s.Filter, Marks: of | setting.Auto},
		{Name: "limit", Help: "use so many images at most, chosen by the seed", Value: &s.Limit, Check: setting.AtLeast(0), Marks: of | setting.Auto},
		{Name: "data-rules", Help: "which files a source takes and which images --limit leaves: 2, or 1 as the first runs had it", Value: &s.Rules,
			Default: rulesNow, Before: rulesFirst, Check: knownRules, Marks: of},
		{Name: "flip", Help: "mirror half of the images, anew each epoch", Value: &s.Flip, Marks: of},
		{Name: "balance", Help: "show each class as often as the largest", Value: &s.Balance, Marks: of},
		{Name: "crop-before", Help: "take the centre square of so many pixels before the resize (CelebA: 108 or 178)", Value: &s.CropBefore,
			Check: setting.AtLeast(0), Marks: of | setting.Auto},
		{Name: "fast-decode", Help: "let libjpeg-turbo shrink JPEGs while it decodes", Value: &s.FastDecode, Marks: of},
		{Name: "background", Help: "under transparent pixels, as RRGGBB (default FFFFFF)", Value: &s.Background, Marks: of | setting.Auto},
		{Name: "max-pixels", Help: "refuse larger images before they are decoded (default 178956970)", Value: &s.MaxPixels, Check: setting.AtLeast(0),
			Marks: of | setting.Auto},
		{Name: "skip-corrupt", Help: "so many files may be no images; they are listed and others stand in for them", Value: &s.SkipCorrupt,
			Check: setting.AtLeast(0), Marks: of | setting.Auto},
		{Name: "drop-last", Help: "leave out an epoch's last batch where it is not full", Value: &s.DropLast, Marks: of},
		{Name: "cache", Help: "where decoded images stay: " + strings.Join(caches, ", "), Value: &s.Cache, Default: "auto",
			Check: setting.OneOf(caches...), Marks: setting.Resume | setting.Bench},
	}
}

// words are the sources as the help explains them.
func words() []setting.Word {
	all := setting.Words(Sources, func(s Source) string { return s.Doc })
	for i, w := range all {
		all[i].Word = Sources[w.Word].Usage
	}
	return all
}

func knownSpec(r setting.Row) error {
	for _, spec := range parts(r.Get().(string)) {
		if _, _, _, err := Parse(spec); err != nil {
			return setting.Usagef("--%s", err)
		}
	}
	return nil
}

func knownRules(r setting.Row) error {
	if n := r.Get().(int); n < 0 || n > rulesNow {
		return setting.Usagef("--%s %d: unknown: use %d, or %d as the first runs had it", r.Name, n, rulesNow, rulesFirst)
	}
	return nil
}

func grayOrRGB(r setting.Row) error {
	if c := r.Get().(int); c != 0 && c != 1 && c != 3 {
		return setting.Usagef("--channels %d: neither gray nor RGB: use 1 or 3", c)
	}
	return nil
}

// Check tells what the settings show to be wrong together. Errors are *setting.UsageError.
func (s Settings) Check() error {
	if _, err := s.Options(0); err != nil {
		return err
	}
	if _, err := parseWeights(s.Weights, len(parts(s.Spec))); err != nil {
		return setting.Usagef("--%s", err)
	}
	return nil
}

// Options are the settings as Open takes them, for a run with this seed. Errors are *setting.UsageError.
func (s Settings) Options(of uint64) (Options, error) {
	source, _ := seed.Data(of)
	o := Options{
		Size: s.Size, Channels: s.Channels, Seed: source, Weights: s.Weights, Filter: s.Filter, Limit: s.Limit, Rules: s.Rules, Flip: s.Flip, Balance: s.Balance,
		CropBefore: s.CropBefore, FastDecode: s.FastDecode, MaxPixels: s.MaxPixels, SkipCorrupt: s.SkipCorrupt,
		Unpacking: s.Unpacking, Warn: s.Warn,
	}
	if dir, err := os.UserCacheDir(); err == nil { // without one, nothing is kept
		o.CacheDir = filepath.Join(dir, "forger", "data")
	}
	var err error
	if o.Background, err = parseBackground(s.Background); err != nil {
		return o, setting.Usagef("--%s", err)
	}
	if s.Cache == "auto" || s.Cache == "host" {
		o.CacheBytes = hostBudget()
		if s.Sharers != nil {
			o.CacheBytes /= int64(s.Sharers())
		}
	}
	if err := o.validate(); err != nil {
		return o, setting.Usagef("--%s", strings.TrimPrefix(err.Error(), "data: "))
	}
	return o, nil
}

// hostBudget is how much of the host's memory decoded images may take: a quarter of what the process may still use. A
// machine that does not tell gets none.
func hostBudget() int64 {
	free, err := machine.FreeMemory()
	if err != nil {
		return 0
	}
	return free / 4
}

// Open opens the data for a run with this seed, at side where no size is asked for. What the settings alone show to be
// wrong is a *setting.UsageError.
func (s Settings) Open(of uint64, side int) (Dataset, error) {
	o, err := s.Options(of)
	if err != nil {
		return nil, err
	}
	o.DefaultSize = vision.Square(side)
	ds, err := Open(s.Spec, o)
	if wrong, ok := err.(*SpecError); ok {
		return nil, setting.Usagef("--%s", wrong.Msg)
	}
	return ds, err
}
