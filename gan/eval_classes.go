package gan

import (
	"fmt"
	"slices"

	"forger/data"
	"forger/gan/feature"
	"forger/gan/metric"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
)

// ClassFigures are what an evaluation found of one class.
type ClassFigures struct {
	Class    string   `json:"class"`
	N        int      `json:"n"` // samples of each
	FID      float64  `json:"fid"`
	Coverage float64  `json:"coverage"`
	Agrees   *float64 `json:"agrees"` // share of the samples in which a classifier sees the class that was asked for; null where none judges
}

// fewOfAClass is how many samples of a class there must be.
const fewOfAClass = 6

// classes judges each class by itself: as many samples of it as real ones, and at most N in all.
func (j *judge) classes(s *torch.Scope) (all []ClassFigures, err error) {
	if j.drawer == nil || j.drawer.sampler.Classes == 0 {
		return nil, setting.Usagef("--per-class: it is for a checkpoint of a network that learnt labels: leave it out, or train with --conditional")
	}
	if !j.drawer.shares(j.real) {
		return nil, fmt.Errorf("--per-class: the real data have not the classes that the network learnt (%s): name data that have, with --against", names(j.drawer.classes))
	}
	for k, name := range j.drawer.classes {
		of := data.OfClass(j.real, k)
		n := min(of.Len(), max(fewOfAClass, j.N/len(j.drawer.classes)))
		if n < fewOfAClass {
			return nil, fmt.Errorf("--per-class: %s has %d elements of class %s: %d are needed: name more data", j.real.Spec(), n, name, fewOfAClass)
		}
		figures, err := j.class(s, int64(k), of, n)
		if err != nil {
			return nil, fmt.Errorf("class %s: %w", name, err)
		}
		figures.Class = name
		all = append(all, figures)
	}
	return all, nil
}

// class judges n samples of one class by as many real ones.
func (j *judge) class(s *torch.Scope, k int64, of data.Dataset, n int) (f ClassFigures, err error) {
	c := s.Child()
	defer c.Close()
	real, err := feature.OfData(j.ctx, c, j.extractor, of, feature.KeepAll, j.Seed, n)
	if err != nil {
		return f, err
	}
	sampler := j.drawer.sampler
	sampler.Label = func(int) int64 { return k }
	fake, err := feature.OfSampler(j.ctx, c, j.extractor, sampler, feature.KeepAll, seed.Of(j.Seed, "samples"), n)
	if err != nil {
		return f, err
	}
	f.N = n
	pair := metric.Pair{Real: real[0], Fake: fake}
	for _, m := range []struct {
		name, figure string
		at           *float64
	}{{"fid", "value", &f.FID}, {"prdc", "coverage", &f.Coverage}} {
		r, err := metric.Table[m.name].Of(c, pair, j.Measures)
		if err != nil {
			return f, err
		}
		*m.at, _ = r.Figure(m.figure)
	}
	if class := slices.Index(j.extractor.Classes, j.drawer.classes[k]); class >= 0 && fake.Logits.Valid() {
		_, seen := fake.Logits.Max(1, false)
		share := seen.EqScalar(float64(class)).To(torch.Float64).Mean().Item()
		f.Agrees = &share
	}
	return f, nil
}

// names is a list that a line holds.
func names(all []string) string {
	const most = 10
	if len(all) <= most {
		return fmt.Sprint(all)
	}
	return fmt.Sprintf("%v and %d more", all[:most], len(all)-most)
}
