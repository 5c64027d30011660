package data

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Skip is a file that is no image and the image that stands in for it.
type Skip struct {
	Image   int // of an epoch, in the source's order
	Instead int
	Err     *FileError
}

// skipping replaces images of corrupt files. What takes the place of image i is a function of the seed and i, so that
// batches do not depend on which worker finds what first.
type skipping struct {
	Dataset
	seed    uint64
	allowed int
	print   string

	mu    sync.RWMutex
	found map[int]Skip // by image
}

func newSkipping(ds Dataset, o Options) *skipping {
	s := &skipping{Dataset: ds, seed: o.Seed, allowed: o.SkipCorrupt, found: map[int]Skip{}}
	s.print = fmt.Sprintf("%s skip-corrupt seed %d", ds.Fingerprint(), o.Seed)
	if o.MaxPixels > 0 { // which decides what is corrupt
		s.print += fmt.Sprintf(" max-pixels %d", o.MaxPixels)
	}
	return s
}

// pendingSkip is the Instead of a file whose replacement is being looked for.
const pendingSkip = -1

func (s *skipping) Read(epoch, i int, dst []byte) error {
	if j := s.instead(i); j != i {
		return s.Dataset.Read(epoch, j, dst)
	}
	err := s.Dataset.Read(epoch, i, dst)
	bad := corrupt(err)
	if bad == nil {
		return err
	}
	if err := s.allow(i, bad); err != nil {
		return err
	}
	j, err := s.replace(epoch, i, dst)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	skip := s.found[i]
	skip.Instead = j
	s.found[i] = skip
	return nil
}

// corrupt is what err says of a file that is no image, nil where err says something else.
func corrupt(err error) *FileError {
	if err == nil { // before what follows allocates
		return nil
	}
	var f *FileError
	if errors.As(err, &f) && f.Corrupt {
		return f
	}
	return nil
}

// replace reads the first image that can be read of an order that belongs to i alone.
func (s *skipping) replace(epoch, i int, dst []byte) (int, error) {
	n := s.Len()
	ord := newOrder(mix(s.seed^0x536B6970), i, n)
	for k := range n {
		j := ord.at(k)
		if j == i {
			continue
		}
		err := s.Dataset.Read(epoch, j, dst)
		if err == nil {
			return j, nil
		}
		bad := corrupt(err)
		if bad == nil {
			return 0, err
		}
		if err := s.allow(j, bad); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("data: %s: none of its %d files is an image: mend them", s.Spec(), n)
}

// allow enters a corrupt file, or is the error that there are too many. The batch at which a run ends for that may be
// another in another run, as workers find files ahead of their use; the batches before are the same.
func (s *skipping) allow(i int, bad *FileError) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.found[i]; known {
		return nil
	}
	if len(s.found) == s.allowed {
		return fmt.Errorf("data: %s: %s: %w: %d others are broken too, and as many are allowed: mend or remove them, or raise --skip-corrupt",
			bad.Source, bad.File, bad.Err, s.allowed)
	}
	s.found[i] = Skip{i, pendingSkip, bad}
	return nil
}

// instead is the image that is read for i.
func (s *skipping) instead(i int) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if skip, ok := s.found[i]; ok && skip.Instead != pendingSkip {
		return skip.Instead
	}
	return i
}

// Fingerprint says which images would take the place of corrupt ones.
func (s *skipping) Fingerprint() string { return s.print }

// Label is that of the image that Read gave.
func (s *skipping) Label(i int) int { return s.Dataset.Label(s.instead(i)) }

func (s *skipping) skipped() []Skip {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.found), func(a, b Skip) int { return a.Image - b.Image })
}

// withoutStandIns is a dataset whose images are those that were listed, and whether those of ds may be others.
func withoutStandIns(ds Dataset) (Dataset, bool) {
	switch d := ds.(type) {
	case *flipping:
		inner, ok := withoutStandIns(d.Dataset)
		return &flipping{inner, d.seed}, ok
	case *skipping:
		return d.Dataset, true
	}
	return ds, false
}

// Skipped lists the corrupt files that were found so far in a dataset that was opened with SkipCorrupt. Instead is -1
// for a file that was only met while another's replacement was looked for.
func Skipped(ds Dataset) []Skip {
	if s, ok := ds.(interface{ skipped() []Skip }); ok {
		return s.skipped()
	}
	return nil
}
