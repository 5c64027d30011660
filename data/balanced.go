package data

import (
	"fmt"
	"slices"
)

// balanced shows each class as often as the largest: an epoch has so many elements of each, those of a smaller class several
// times.
type balanced struct {
	Dataset
	images [][]uint32 // of each class that there is
	most   int
}

func newBalanced(ds Dataset) (Dataset, error) {
	if len(ds.Classes()) == 0 {
		return nil, fmt.Errorf("data: balance: %s has no labels: leave it out", ds.Spec())
	}
	b := &balanced{Dataset: ds, images: make([][]uint32, len(ds.Classes()))}
	for i := range ds.Len() {
		label := ds.Label(i)
		if label < 0 {
			return nil, fmt.Errorf("data: balance: element %d of %s has no label: keep the labelled ones with --filter '*'", i, ds.Spec())
		}
		b.images[label] = append(b.images[label], uint32(i))
	}
	b.images = slices.DeleteFunc(b.images, func(of []uint32) bool { return len(of) == 0 })
	for _, of := range b.images {
		b.most = max(b.most, len(of))
	}
	if len(b.images)*b.most > maxMixed {
		return nil, &SpecError{"balance: an epoch would be too long: leave the smallest classes out with --filter"}
	}
	return b, nil
}

func (b *balanced) at(i int) int {
	of := b.images[i%len(b.images)]
	return int(of[i/len(b.images)%len(of)])
}

func (b *balanced) Len() int                            { return len(b.images) * b.most }
func (b *balanced) Fingerprint() string                 { return b.Dataset.Fingerprint() + " balanced" }
func (b *balanced) Label(i int) int                     { return b.Dataset.Label(b.at(i)) }
func (b *balanced) Read(epoch, i int, dst []byte) error { return b.Dataset.Read(epoch, b.at(i), dst) }

func (b *balanced) skipped() []Skip { return Skipped(b.Dataset) }
