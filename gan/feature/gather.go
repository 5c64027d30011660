package feature

import (
	"context"
	"errors"
	"math"

	"forger/data"
	"forger/gan/method"
	"forger/gan/metric"
	"forger/internal/seed"
	"forger/torch"
)

// gatherBatch is how many elements pass at once; it bounds the memory.
const gatherBatch = 64

// OfData are the features of n elements of a set, a choice by the seed, in s.
func OfData(ctx context.Context, s *torch.Scope, e *Extractor, ds data.Dataset, n int, of uint64) (metric.Set, error) {
	var g gathered
	shape := ds.Shape()
	_, order := seed.Data(of)
	err := data.Stream(ctx, ds, data.DumpOptions{N: n, Shuffled: true, Seed: order}, func(bytes []byte, labels []int32) (err error) {
		defer torch.Catch(&err)
		c := s.Child()
		defer c.Close()
		if shape.IsPoints() {
			g.add(s, e, c.FromBytes(bytes, torch.Float32, len(labels), shape.Points))
		} else {
			g.add(s, e, c.Images(bytes, len(labels), shape.Height, shape.Width, shape.Channels))
		}
		return nil
	})
	if err != nil {
		return metric.Set{}, err
	}
	return g.whole()
}

// OfSampler are the features of n samples that a seed decides, in s.
func OfSampler(ctx context.Context, s *torch.Scope, e *Extractor, from method.Sampler, of uint64, n int) (_ metric.Set, err error) {
	defer torch.Catch(&err)
	var g gathered
	noise := s.NewGenerator(of)
	for first := 0; first < n; first += gatherBatch {
		if err := ctx.Err(); err != nil {
			return metric.Set{}, err
		}
		c := s.Child()
		some := min(n-first, gatherBatch)
		g.add(s, e, from.Sample(from.Noise(c, noise, some), from.Labels(c, first, some)))
		c.Close()
	}
	return g.whole()
}

// gathered are features, batch by batch.
type gathered struct{ features, logits []torch.Tensor }

// add takes the features of a batch, which outlive it in s.
func (g *gathered) add(s *torch.Scope, e *Extractor, batch torch.Tensor) {
	f, l := e.Of(batch)
	g.features = append(g.features, s.Use(f).Clone())
	if l.Valid() {
		g.logits = append(g.logits, s.Use(l).Clone())
	}
}

// whole is all of them as one set.
func (g *gathered) whole() (x metric.Set, err error) {
	defer torch.Catch(&err)
	x.X = torch.Cat(0, g.features...)
	if len(g.logits) > 0 {
		x.Logits = torch.Cat(0, g.logits...)
	}
	if sum := x.X.Abs().Sum().Item(); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return x, errors.New("the samples hold values that are not finite: there is nothing to compare: draw from an earlier checkpoint")
	}
	return x, nil
}
