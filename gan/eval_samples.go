package gan

import (
	"fmt"
	"slices"

	"forger/data"
	"forger/gan/feature"
	"forger/gan/method"
	"forger/gan/metric"
	"forger/internal/seed"
	"forger/torch"
)

// compared are the features that an evaluation compares.
type compared struct {
	real, fake metric.Set
	again      *metric.Set // as many real ones again, for the floor of precision and recall; nil: not wanted, or too few
}

// samples takes them, in s. Where every measure is a function of moments, moments are all that is kept.
func (j *judge) samples(s *torch.Scope) (of compared, err error) {
	keep := feature.KeepFor(j.Metrics)
	if j.stats != nil {
		of.real = metric.Set{Known: j.stats}
	} else if of, err = j.realSamples(s, keep); err != nil {
		return of, err
	}
	switch {
	case j.other != nil:
		all, err := feature.OfData(j.ctx, s, j.extractor, j.other, keep, j.Seed, min(j.N, j.other.Len()))
		if err != nil {
			return of, fmt.Errorf("--images %s: %w", j.Images, err)
		}
		of.fake = all[0]
	case j.drawer != nil:
		of.fake, err = feature.OfSampler(j.ctx, s, j.extractor, j.drawer.samplerFor(j.real, j.N), keep, seed.Of(j.Seed, "samples"), j.N)
	}
	return of, err
}

// shares reports whether data (nil: none) have the classes that the network learnt.
func (d *drawer) shares(real data.Dataset) bool {
	return d.sampler.Classes > 0 && real != nil && slices.Equal(real.Classes(), d.classes)
}

// samplerFor draws n samples to be compared with data: their classes as often as the data have them, where those are the ones that
// the network learnt.
func (d *drawer) samplerFor(real data.Dataset, n int) method.Sampler {
	sampler := d.sampler
	if d.shares(real) {
		sampler.ByShares(data.ClassCounts(real), n)
	}
	return sampler
}

// labelsFor says which classes samplerFor's samples are of; "": labels were not learnt.
func (d *drawer) labelsFor(real data.Dataset) string {
	switch {
	case d.shares(real):
		return "classes as often as in the real data"
	case d.sampler.Classes > 0:
		return "classes in turn"
	}
	return ""
}

// realSamples are those of the real data, of which one half is judged where nothing else is.
func (j *judge) realSamples(s *torch.Scope, keep feature.Keep) (of compared, err error) {
	n := min(j.N, j.real.Len())
	if j.Self {
		n = min(j.N, j.real.Len()/2)
	}
	floor := slices.Contains(j.Metrics, "prdc") && j.judges() && !j.Self && j.real.Len() >= 2*n
	if n < 2 {
		return of, fmt.Errorf("--against %s: %d elements: too few to compare: name more data", j.Against, j.real.Len())
	}
	if keep == feature.KeepMoments && !j.Self {
		of.real, err = feature.Statistics(j.ctx, s, j.extractor, j.real, j.Seed, n)
		return of, err
	}
	counts := []int{n}
	if j.Self || floor {
		counts = []int{n, n}
	}
	all, err := feature.OfData(j.ctx, s, j.extractor, j.real, keep, j.Seed, counts...)
	if err != nil {
		return of, err
	}
	of.real = all[0]
	if j.Self {
		of.fake = all[1]
	} else if floor {
		of.again = &all[1]
	}
	return of, nil
}
