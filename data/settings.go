package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forger/internal/machine"
)

// Settings are what a user sets about data, for a training, a benchmark and the data commands alike. The zero value of
// all but Spec is the default.
type Settings struct {
	Spec        string // the source: `name[:path]`, a name of Sources
	Size        int    // see Options, here and below
	Channels    int
	Filter      string
	Limit       int
	Flip        bool
	CropBefore  int
	FastDecode  bool
	Background  string // RRGGBB, as ParseBackground reads it
	MaxPixels   int
	SkipCorrupt int
	DropLast    bool   // of the Plan: leave out an epoch's last batch where it is not full
	Cache       string // where decoded images stay: "auto" or "" (on the device where it is worth it, else as "host"), "device", "host", "none"
}

var caches = []string{"auto", "device", "host", "none"}

// Check tells what the settings alone show to be wrong, without the disk. Errors are *SpecError.
func (s Settings) Check() error {
	if _, _, _, err := Parse(s.Spec); err != nil {
		return err
	}
	if s.Cache != "" && !slices.Contains(caches, s.Cache) {
		return &SpecError{fmt.Sprintf("cache %q: unknown: have %s", s.Cache, strings.Join(caches, ", "))}
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	return o.Validate()
}

// options are those that the settings alone decide.
func (s Settings) options() (Options, error) {
	background, err := ParseBackground(s.Background)
	return Options{
		Size: s.Size, Channels: s.Channels, Filter: s.Filter, Limit: s.Limit, Flip: s.Flip, SkipCorrupt: s.SkipCorrupt,
		CropBefore: s.CropBefore, FastDecode: s.FastDecode, Background: background, MaxPixels: s.MaxPixels,
	}, err
}

// Options are what Open takes on this machine, with a seed for the source. Errors are *SpecError.
func (s Settings) Options(seed uint64) (Options, error) {
	if err := s.Check(); err != nil {
		return Options{}, err
	}
	o, err := s.options()
	if err != nil {
		return Options{}, err
	}
	o.Seed = seed
	if s.Cache == "" || s.Cache == "auto" || s.Cache == "host" {
		o.CacheBytes = hostBudget()
	}
	if dir, err := os.UserCacheDir(); err == nil { // without one, nothing is kept
		o.CacheDir = filepath.Join(dir, "forger", "data")
	}
	return o, nil
}

// hostBudget is how much of the host's memory decoded images may take: a quarter of what is free. Where nothing says how
// much that is they take none, which costs time alone.
func hostBudget() int64 {
	free, err := machine.FreeMemory()
	if err != nil {
		return 0
	}
	return free / 4
}

// Open opens the dataset that the settings ask for, with a seed for the source. What the settings alone show to be wrong
// is a *SpecError.
func (s Settings) Open(seed uint64) (Dataset, error) {
	o, err := s.Options(seed)
	if err != nil {
		return nil, err
	}
	return Open(s.Spec, o)
}
