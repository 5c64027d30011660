package gan

import (
	"slices"
	"strings"

	"forger/data"
	"forger/internal/setting"
)

// classesOf are the numbers of classes named with commas between. Errors are *setting.UsageError.
func (d *drawer) classesOf(flag, names string) (all []int64, err error) {
	if d.sampler.Classes == 0 {
		return nil, setting.Usagef("--%s %s: the network was trained without labels: leave it out, or train with --conditional", flag, names)
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.Index(d.classes, strings.TrimSpace(name))
		if i < 0 {
			return nil, setting.Usagef("--%s %s: no class %q: have %s", flag, names, name, strings.Join(d.classes, ", "))
		}
		all = append(all, int64(i))
	}
	return all, nil
}

// knows tells data all of whose elements are of the classes that the network learnt.
func (d *drawer) knows(ds data.Dataset) bool {
	if !d.shares(ds) {
		return false
	}
	for i := range ds.Len() {
		if ds.Label(i) < 0 {
			return false
		}
	}
	return true
}

// labelled gives the samples the classes that are asked for, as many each, or else those of the images that are completed, or a
// row of the picture each.
func (d *drawer) labelled(names string) error {
	switch {
	case names != "":
	case d.own != nil:
		d.sampler.Label = func(i int) int64 { return int64(d.own[i]) }
		return nil
	default:
		d.sampler.InRows(d.n, d.columns())
		return nil
	}
	classes, err := d.classesOf("label", names)
	if err != nil {
		return err
	}
	d.sampler.Label = func(i int) int64 { return classes[i*len(classes)/d.n] }
	return nil
}

// route is the classes of walks.
type route struct {
	classes  int   // that there are; 0: labels were not learnt
	from, to int64 // -1: another with each walk
	turns    bool  // a walk is from class to class
}

// route is the one from a class to another; names that are "" leave it open.
func (d *drawer) route(from, to string) (r route, err error) {
	r = route{classes: d.sampler.Classes, from: -1, to: -1}
	for _, end := range []struct {
		flag, name string
		at         *int64
	}{{"label", from, &r.from}, {"to-label", to, &r.to}} {
		if end.name == "" {
			continue
		}
		classes, err := d.classesOf(end.flag, end.name)
		if err != nil {
			return r, err
		}
		if *end.at = classes[0]; len(classes) > 1 {
			return r, setting.Usagef("--%s %s: a walk has one class at each end: name one", end.flag, end.name)
		}
	}
	if r.turns = r.to >= 0; r.turns && r.from < 0 {
		return r, setting.Usagef("--to-label %s: it walks from --label: name the class to begin with", to)
	}
	return r, nil
}

// shares are those of the classes in a walk at a share of its way; none where labels were not learnt.
func (r route) shares(walk int, at float64) []float32 {
	if r.classes == 0 {
		return nil
	}
	all := make([]float32, r.classes)
	switch {
	case r.turns:
		all[r.from] += float32(1 - at)
		all[r.to] += float32(at)
	case r.from >= 0:
		all[r.from] = 1
	default:
		all[walk%r.classes] = 1
	}
	return all
}
