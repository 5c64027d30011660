package feature

import (
	"context"
	"fmt"
	"math"

	"forger/data"
	"forger/gan/method"
	"forger/gan/metric"
	"forger/internal/seed"
	"forger/torch"
)

// gatherBatch is how many elements pass at once; it bounds the memory.
const gatherBatch = 64

// Keep says what is kept of features.
type Keep bool

const (
	KeepAll     Keep = true  // themselves
	KeepMoments Keep = false // their moments, in memory that their count has no part in; fewer than they have dimensions are kept themselves
)

// KeepFor is what these measures need.
func KeepFor(metrics []string) Keep {
	for _, name := range metrics {
		if !metric.Table[name].Sums {
			return KeepAll
		}
	}
	return KeepMoments
}

// OfData are the features of elements of a set, a choice by the seed, in s: sets of so many that follow each other.
func OfData(ctx context.Context, s *torch.Scope, e *Extractor, ds data.Dataset, keep Keep, of uint64, counts ...int) ([]metric.Set, error) {
	g := gathering{s: s, keep: keep, what: "the data"}
	n := 0
	for _, count := range counts {
		g.sets, n = append(g.sets, gathered{n: count}), n+count
	}
	shape := ds.Shape()
	_, order := seed.Data(of)
	err := data.Stream(ctx, ds, data.DumpOptions{N: n, Shuffled: true, Seed: order}, func(bytes []byte, labels []int32) (err error) {
		defer torch.Catch(&err)
		c := s.Child()
		defer c.Close()
		if shape.IsPoints() {
			g.add(e.Of(c.FromBytes(bytes, torch.Float32, len(labels), shape.Points)))
		} else {
			g.add(e.Of(c.Images(bytes, len(labels), shape.Height, shape.Width, shape.Channels)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g.whole()
}

// OfSampler are the features of n samples that a seed decides, in s.
func OfSampler(ctx context.Context, s *torch.Scope, e *Extractor, from method.Sampler, keep Keep, of uint64, n int) (_ metric.Set, err error) {
	defer torch.Catch(&err)
	g := gathering{s: s, keep: keep, what: "the samples", sets: []gathered{{n: n}}}
	noise := s.NewGenerator(of)
	for first := 0; first < n; first += gatherBatch {
		if err := ctx.Err(); err != nil {
			return metric.Set{}, err
		}
		c := s.Child()
		some := min(n-first, gatherBatch)
		g.add(e.Of(from.Sample(from.Noise(c, noise, some), from.Labels(c, first, some))))
		c.Close()
	}
	all, err := g.whole()
	if err != nil {
		return metric.Set{}, err
	}
	return all[0], nil
}

// gathering are features of several sets that follow each other, batch by batch.
type gathering struct {
	s    *torch.Scope // where they outlive the batches
	keep Keep
	what string // they are of
	sets []gathered
	at   int // the set that the next are of
}

// gathered is one of the sets.
type gathered struct {
	n, have          int
	features, logits torch.Tensor        // [n,F], [n,K], of which the first have are there
	sums             *metric.Accumulator // instead of them
}

// add takes the features and, where there are any, the logits of a batch.
func (g *gathering) add(features, logits torch.Tensor) {
	n := features.Shape()[0]
	for first := 0; first < n && g.at < len(g.sets); {
		one := &g.sets[g.at]
		last := min(n, first+one.n-one.have)
		one.add(g, features.Slice(0, first, last, 1))
		if logits.Valid() && one.sums == nil {
			one.keep(g, &one.logits, logits.Slice(0, first, last, 1))
		}
		one.have += last - first
		first = last
		if one.have == one.n {
			g.at++
		}
	}
}

func (one *gathered) add(g *gathering, features torch.Tensor) {
	if d := features.Shape()[1]; one.have == 0 && g.keep == KeepMoments && one.n >= d {
		one.sums = metric.NewAccumulator(g.s, d)
	}
	if one.sums != nil {
		one.sums.Add(features)
		return
	}
	one.keep(g, &one.features, features)
}

// keep writes rows behind those of a tensor that has room for all.
func (one *gathered) keep(g *gathering, all *torch.Tensor, rows torch.Tensor) {
	if !all.Valid() {
		*all = g.s.FullOf(rows.Info().DType, 0, one.n, rows.Shape()[1])
	}
	c := g.s.Child(torch.NoGrad)
	defer c.Close()
	c.Use(*all).Slice(0, one.have, one.have+rows.Shape()[0], 1).CopyFrom(c.Use(rows))
}

// whole are the sets.
func (g *gathering) whole() (all []metric.Set, err error) {
	defer torch.Catch(&err)
	for _, one := range g.sets {
		x, sum := metric.Set{}, 0.
		if one.sums != nil {
			x.Known = one.sums.Moments()
			one.sums.Close()
			for k, v := range x.Known.Mean {
				sum += v + x.Known.Cov.At(k, k)
			}
		} else {
			x.X, x.Logits = one.features, one.logits
			sum = x.X.Sum().Item()
		}
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return nil, fmt.Errorf("%s hold values that are not finite: there is nothing to compare: draw from an earlier checkpoint", g.what)
		}
		all = append(all, x)
	}
	return all, nil
}
