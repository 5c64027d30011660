package data

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// passed counts what a source passed over, by sort.
type passed map[string]int

func (p *passed) count(sort string) {
	if *p == nil {
		*p = passed{}
	}
	(*p)[sort]++
}

// passOver counts a file that is no image, by its ending.
func (p *passed) passOver(name string) {
	if path.Base(name) == labelsFile {
		return
	}
	ending := strings.ToLower(path.Ext(name))
	if ending == "" {
		ending = "without an ending"
	}
	p.count(printable(ending))
}

// String is "3 files: .tif 2, .txt 1", "" where there are none.
func (p passed) String() string {
	if len(p) == 0 {
		return ""
	}
	sorts := slices.SortedFunc(maps.Keys(p), func(a, b string) int {
		return cmp.Or(p[b]-p[a], strings.Compare(a, b))
	})
	n := 0
	for i, s := range sorts {
		n += p[s]
		sorts[i] = fmt.Sprintf("%s %d", s, p[s])
	}
	files := "files"
	if n == 1 {
		files = "file"
	}
	return fmt.Sprintf("%d %s: %s", n, files, some(sorts))
}

// PassedOver says what a source was not taken for an image, e.g. "3 files: .tif 2, .txt 1", and "" where that is nothing
// or, as of a folder whose list was kept, not known.
func PassedOver(ds Dataset) string { return passedBy(ds).String() }

func passedBy(ds Dataset) passed {
	for {
		switch d := ds.(type) {
		case *subset:
			ds = d.Dataset
		case *cached:
			ds = d.Dataset
		case *skipping:
			ds = d.Dataset
		case *flipping:
			ds = d.Dataset
		case interface{ passedOver() passed }:
			return d.passedOver()
		default:
			return nil
		}
	}
}
