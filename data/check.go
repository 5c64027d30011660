package data

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"forger/internal/machine"
)

// CheckOptions say how Check works.
type CheckOptions struct {
	Workers int             // 0: as many as the machine has cores
	Done    func(count int) // called from one goroutine at a time with how many images were read; may be nil
}

// Broken is an image that Check found to be none, or could not read.
type Broken struct {
	Image int    `json:"image"` // in the source's order
	File  string `json:"file"`  // its path, or "ARCHIVE: ENTRY"; "" where the source has none
	Error string `json:"error"`
}

// Report is what Check found.
type Report struct {
	Spec        string   `json:"spec"`
	Fingerprint string   `json:"fingerprint"`
	Images      int      `json:"images"`
	Broken      []Broken `json:"broken"` // whose contents are no image, in the source's order; never nil
	Unread      []Broken `json:"unread"` // that could not be read, which says nothing of their contents; never nil

	Distinct int     `json:"distinct"` // images, of several with the same pixels one; 0: of points, and of sets that are too large
	Alike    []Alike `json:"alike"`    // images that are the same as one before them, or nearly; never nil
}

// checker is the state of a Check that its workers share.
type checker struct {
	ds   Dataset
	next atomic.Int64

	looks []look // of images; nil of points

	mu     sync.Mutex
	done   int
	report Report
}

// checkStretch is how many images a worker takes at a time.
const checkStretch = 64

// Check reads every image of ds once, in parallel, and lists those that cannot be read. Its error is that of ctx.
func Check(ctx context.Context, ds Dataset, o CheckOptions) (Report, error) {
	if o.Workers <= 0 {
		o.Workers = machine.CPUs()
	}
	c := &checker{ds: ds, report: Report{Spec: ds.Spec(), Fingerprint: ds.Fingerprint(), Images: ds.Len(), Broken: []Broken{}, Unread: []Broken{}}}
	c.report.Alike = []Alike{}
	if !ds.Shape().IsPoints() && ds.Len() <= mostLooks {
		c.looks = make([]look, ds.Len())
	}
	seed := maphash.MakeSeed()
	var group sync.WaitGroup
	for range o.Workers {
		group.Go(func() { c.work(ctx, seed, o.Done) })
	}
	group.Wait()
	for _, list := range [][]Broken{c.report.Broken, c.report.Unread} {
		slices.SortFunc(list, func(a, b Broken) int { return cmp.Compare(a.Image, b.Image) })
	}
	if found, distinct := alike(c.looks); distinct > 0 {
		for i := range found {
			found[i].File, found[i].Like = fileOf(ds, found[i].Image), fileOf(ds, found[i].Before)
		}
		c.report.Alike, c.report.Distinct = append(c.report.Alike, found...), distinct
	}
	return c.report, ctx.Err()
}

func (c *checker) work(ctx context.Context, seed maphash.Seed, done func(int)) {
	l := looker{shape: c.ds.Shape(), seed: seed}
	dst := make([]byte, c.ds.Shape().Bytes())
	for ctx.Err() == nil {
		from := int(c.next.Add(checkStretch)) - checkStretch
		if from >= c.ds.Len() {
			return
		}
		to := min(from+checkStretch, c.ds.Len())
		var broken, unread []Broken
		for i := from; i < to; i++ {
			if err := readElement(c.ds, 0, i, dst); err != nil {
				if b, isUnread := brokenBy(i, err); isUnread {
					unread = append(unread, b)
				} else {
					broken = append(broken, b)
				}
			} else if c.looks != nil {
				c.looks[i] = l.look(dst)
			}
		}
		c.enter(broken, unread, to-from, done)
	}
}

func (c *checker) enter(broken, unread []Broken, read int, done func(int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Broken = append(c.report.Broken, broken...)
	c.report.Unread = append(c.report.Unread, unread...)
	c.done += read
	if done != nil {
		done(c.done)
	}
}

// brokenBy is what err says of image i, and whether that is why its file could not be read, as opposed to what is in it.
func brokenBy(i int, err error) (b Broken, unread bool) {
	var f *FileError
	if errors.As(err, &f) {
		return Broken{i, f.File, f.Err.Error()}, !f.Corrupt
	}
	return Broken{Image: i, Error: err.Error()}, false
}
