package data

import (
	"errors"
	"fmt"
)

// Part is which rows of each batch a process reads, of several that share it: with N of them number r has the rows from n r/N
// to n (r+1)/N of a batch of n. The zero Part is all.
type Part struct {
	Rank, Ranks int
	Unit        int // rows that stay together; 0: 1
}

// of are the rows of a batch of n.
func (p Part) of(n int) (first, count int) {
	if p.Ranks <= 1 {
		return 0, n
	}
	unit := max(1, p.Unit)
	first = n / unit * p.Rank / p.Ranks * unit
	return first, n/unit*(p.Rank+1)/p.Ranks*unit - first
}

// least is how many rows a batch must have for each to have some.
func (p Part) least() int { return max(1, p.Ranks) * max(1, p.Unit) }

// Plan says which images make up each batch of a run: a function of its fields alone.
type Plan struct {
	Len      int // images of an epoch
	Batch    int
	Seed     uint64
	Shuffle  bool
	Part     Part // what this process reads of each batch
	DropLast bool // an epoch's last batch that is not full is left out; else it holds what is left, as in the official example
}

// Check tells what keeps a plan from having batches. Whoever makes one calls it before anything else of the plan.
func (p Plan) Check() error {
	switch {
	case p.Len < 1:
		return errors.New("it has no images")
	case p.Batch < 1:
		return fmt.Errorf("--batch %d: too small: use 1 or more", p.Batch)
	case p.DropLast && p.Len < p.Batch:
		return fmt.Errorf("--drop-last: %d images make no batch of %d: lower --batch or leave --drop-last away", p.Len, p.Batch)
	case p.Batch%p.Part.least() != 0:
		packs := ""
		if p.Part.Unit > 1 {
			packs = fmt.Sprintf(" with --pack %d", p.Part.Unit)
		}
		return fmt.Errorf("--batch %d: %d ranks%s do not divide it: use %d", p.Batch, p.Part.Ranks, packs, (p.Batch/p.Part.least()+1)*p.Part.least())
	case p.Last() < p.Part.least():
		return fmt.Errorf("the last batch of an epoch has %d images, and %d ranks need %d: add --drop-last", p.Last(), p.Part.Ranks, p.Part.least())
	}
	return nil
}

// PerEpoch is how many batches an epoch has.
func (p Plan) PerEpoch() int64 {
	if p.DropLast {
		return int64(p.Len / p.Batch)
	}
	return int64((p.Len + p.Batch - 1) / p.Batch)
}

// Last is how many images the last batch of an epoch has.
func (p Plan) Last() int {
	if left := p.Len % p.Batch; left > 0 && !p.DropLast {
		return left
	}
	return p.Batch
}

// Rows are those that this process reads of a batch: Count from First on, of Of.
type Rows struct{ First, Count, Of int }

// place is where this process's part of batch k of the run lies: its epoch, the place of its first image there, and its rows.
func (p Plan) place(k int64) (epoch, first int, r Rows) {
	first = int(k%p.PerEpoch()) * p.Batch
	r.Of = min(p.Batch, p.Len-first)
	r.First, r.Count = p.Part.of(r.Of)
	return int(k / p.PerEpoch()), first + r.First, r
}

// Rows are this process's of batch k of the run.
func (p Plan) Rows(k int64) Rows {
	_, _, r := p.place(k)
	return r
}

// Images are those of this process's part of batch k of the run, and its epoch.
func (p Plan) Images(k int64) (epoch int, images []int) {
	epoch, first, r := p.place(k)
	images = make([]int, r.Count)
	ord := newOrder(p.Seed, epoch, p.Len)
	for i := range images {
		images[i] = first + i
		if p.Shuffle {
			images[i] = ord.at(first + i)
		}
	}
	return epoch, images
}
