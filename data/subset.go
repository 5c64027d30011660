package data

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// subset is some of a dataset's images, in their order.
type subset struct {
	Dataset
	n      int
	images []uint32 // nil: the first n
	print  string   // what was selected, for the fingerprint
}

// selected applies Filter and Limit.
func selected(ds Dataset, o Options) (Dataset, error) {
	s := &subset{Dataset: ds, n: ds.Len()}
	if o.Filter != "" {
		if err := s.filter(o.Filter); err != nil {
			return nil, err
		}
	}
	if o.Limit > 0 && o.Limit < s.n {
		s.limit(o)
	}
	if s.print == "" {
		return ds, nil
	}
	return s, nil
}

// limit leaves a choice over the whole set, which the sets of larger limits hold too; by the first rules its beginning.
func (s *subset) limit(o Options) {
	s.print += fmt.Sprintf(" limit %d", o.Limit)
	if o.Rules == rulesFirst {
		s.n = o.Limit
		return
	}
	s.print += fmt.Sprintf(" seed %d", o.Seed)
	ord := newOrder(mix(o.Seed^0x4C696D6974), 0, s.n)
	chosen := make([]uint32, o.Limit)
	for k := range chosen {
		chosen[k] = uint32(s.at(ord.at(k)))
	}
	slices.Sort(chosen)
	s.images, s.n = chosen, o.Limit
}

func (s *subset) filter(filter string) error {
	classes := s.Classes()
	if classes == nil {
		return fmt.Errorf("data: filter %q: %s has no labels: remove the filter", filter, s.Spec())
	}
	wanted := make([]bool, len(classes))
	for pattern := range strings.SplitSeq(filter, ",") {
		pattern = strings.TrimSpace(pattern)
		matched := false
		for i, class := range classes {
			// validate has seen to it that patterns are well formed.
			if ok, _ := path.Match(pattern, class); ok {
				wanted[i], matched = true, true
			}
		}
		if !matched {
			return fmt.Errorf("data: filter %q: %q matches no label of %s: have %s", filter, pattern, s.Spec(), some(classes))
		}
	}
	s.images = make([]uint32, 0)
	for i := range s.n {
		if label := s.Dataset.Label(i); label >= 0 && wanted[label] {
			s.images = append(s.images, uint32(i))
		}
	}
	s.n = len(s.images)
	s.print = fmt.Sprintf(" filter %q", filter)
	if s.n == 0 {
		return fmt.Errorf("data: filter %q: no image of %s has such a label: choose others", filter, s.Spec())
	}
	return nil
}

// OfClass is the elements of a dataset that have a label, in their order.
func OfClass(ds Dataset, label int) Dataset {
	s := &subset{Dataset: ds, images: []uint32{}, print: fmt.Sprintf(" class %d", label)}
	for i := range ds.Len() {
		if ds.Label(i) == label {
			s.images = append(s.images, uint32(i))
		}
	}
	s.n = len(s.images)
	return s
}

// ClassCounts is how many elements of each class a dataset has.
func ClassCounts(ds Dataset) []int {
	counts := make([]int, len(ds.Classes()))
	for i := range ds.Len() {
		if label := ds.Label(i); label >= 0 {
			counts[label]++
		}
	}
	return counts
}

// some is a list that a line holds.
func some(all []string) string {
	const most = 20
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

func (s *subset) Len() int            { return s.n }
func (s *subset) Fingerprint() string { return s.Dataset.Fingerprint() + s.print }

func (s *subset) at(i int) int {
	if s.images == nil {
		return i
	}
	return int(s.images[i])
}

func (s *subset) Label(i int) int                     { return s.Dataset.Label(s.at(i)) }
func (s *subset) Read(epoch, i int, dst []byte) error { return s.Dataset.Read(epoch, s.at(i), dst) }
