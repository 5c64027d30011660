package data

import (
	"errors"
	"fmt"
)

// Plan says which images make up each batch of a run: a function of its fields alone.
type Plan struct {
	Len      int // images of an epoch
	Batch    int
	Seed     uint64
	Shuffle  bool
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

// place is where batch k of the run lies: its epoch, the place of its first image there, and its size.
func (p Plan) place(k int64) (epoch, first, n int) {
	first = int(k%p.PerEpoch()) * p.Batch
	return int(k / p.PerEpoch()), first, min(p.Batch, p.Len-first)
}

// Images are the images of batch k of the run, and its epoch.
func (p Plan) Images(k int64) (epoch int, images []int) {
	epoch, first, n := p.place(k)
	images = make([]int, n)
	ord := newOrder(p.Seed, epoch, p.Len)
	for i := range images {
		images[i] = first + i
		if p.Shuffle {
			images[i] = ord.at(first + i)
		}
	}
	return epoch, images
}
