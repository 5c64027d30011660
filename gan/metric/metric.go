// Package metric measures how far two samples are apart: real data, or features of it, and what a model made. A measure
// is a function of the two and of a seed: it moves no random stream of a training.
package metric

import (
	"fmt"
	"math"

	"forger/internal/setting"
	"forger/torch"
)

// Set is one of the two samples.
type Set struct {
	X      torch.Tensor // points, or features of images, [N,D]; the zero Tensor where only their moments are known
	Logits torch.Tensor // a classifier's, [N,K]; the zero Tensor where there is none
	Known  *Moments     // of X; nil: they are taken when they are asked for
}

// N is how many samples there are; 0: it is not known.
func (x Set) N() int {
	if x.X.Valid() {
		return x.X.Shape()[0]
	}
	return x.Known.N
}

// Moments are those of the samples.
func (x Set) Moments() *Moments {
	if x.Known != nil {
		return x.Known
	}
	return momentsOf(x.X)
}

// Slice is the samples from one number up to another.
func (x Set) Slice(from, to int) Set {
	cut := Set{X: x.X.Slice(0, from, to, 1)}
	if x.Logits.Valid() {
		cut.Logits = x.Logits.Slice(0, from, to, 1)
	}
	return cut
}

// Pair is what a measure compares. Both samples have D columns, and at least two rows.
type Pair struct {
	Real, Fake Set
	Images     bool   // X are pixels in [-1,1]
	Features   bool   // X are what a network makes of the data
	Answer     *Modes // what is known of the real distribution; nil: nothing
}

// Options are what measures may be asked for.
type Options struct {
	Bins         int     // intervals of a histogram
	Permutations int     // of a permutation test
	Alpha        float64 // level of a test
	Seed         uint64  // of permutations, splits, directions and subsets
}

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	return setting.Set{
		{Name: "bins", Help: "intervals of kl's and js's histograms", Value: &o.Bins, Default: 50, Check: setting.AtLeast(1)},
		{Name: "permutations", Help: "of the permutation tests (mmd, energy)", Value: &o.Permutations, Default: 200, Check: setting.AtLeast(1)},
		{Name: "alpha", Help: "level of the tests", Value: &o.Alpha, Default: .05, Check: setting.Share},
	}
}

// Measure is an entry of the table.
type Measure struct {
	Doc    string
	wants  wants
	Higher bool // values are better the higher they are
	Sums   bool // a function of the samples' moments alone
	of     func(s *torch.Scope, p Pair, o Options) Result
}

// wants is what a measure cannot do without.
type wants int

const (
	known   wants = 1 << iota // Pair.Answer
	classes                   // the logits of a classifier
	model                     // the model itself, not samples
	plain                     // the data themselves, no features
)

// Plain reports whether a measure takes the data themselves, and no features of them.
func (m Measure) Plain() bool { return m.wants&plain != 0 }

// Table is where a measure is added: one line here, one file beside this one.
var Table = map[string]Measure{
	"kl":        {Doc: "Kullback-Leibler divergence of histograms, KL(real || generated), nats", of: kl},
	"js":        {Doc: "Jensen-Shannon divergence of histograms, nats: 0 to log 2", of: js},
	"t":         {Doc: "Student's two-sample t test, pooled variance, a test a dimension", of: student},
	"welch":     {Doc: "Welch's t test, a test a dimension", of: welch},
	"ks":        {Doc: "Kolmogorov-Smirnov test, a test a dimension", of: kolmogorovSmirnov},
	"hotelling": {Doc: "Hotelling's T2: the means of all dimensions at once", of: hotelling},
	"energy":    {Doc: "energy distance (Szekely and Rizzo), permutation test", of: energy},
	"mmd":       {Doc: "squared maximum mean discrepancy (Gretton et al.), unbiased, Gaussian kernel, median heuristic, permutation test", of: mmd},
	"c2st-knn":  {Doc: "two-sample test by a nearest-neighbour classifier (Lopez-Paz and Oquab): accuracy, .5 where the samples are alike", of: c2stKNN},
	"c2st-nn":   {Doc: "the same by a network of one hidden layer of 20", of: c2stNN},
	"swd":       {Doc: "sliced Wasserstein-2 distance over 1,000 directions", of: sliced},
	"parzen":    {Doc: "Parzen-window log-likelihood of real data under the generated, nats (Goodfellow et al. 2014)", Higher: true, wants: plain, of: parzen},
	"modes":     {Doc: "modes covered, and samples of high quality, where the modes are known (PacGAN)", Higher: true, wants: known, of: modes},
	"stacked":   {Doc: "classes found by a classifier among the generated, of all; KL(generated || real) of their frequencies", Higher: true, wants: classes, of: stacked},
	"fid":       {Doc: "Frechet distance of normals with the features' moments (Heusel et al.)", Sums: true, of: fid},
	"kid":       {Doc: "kernel distance: squared MMD with (x.y/d+1)^3, 100 subsets (Binkowski et al.)", of: kid},
	"prdc":      {Doc: "precision, recall, density, coverage, k = 5 (Naeem et al.); the value is coverage", Higher: true, of: prdc},
	"nll":       {Doc: "negative log-likelihood of the real data, nats an image: exact of a PixelCNN, of a VAE an importance-weighted estimate", wants: model},
	"is":        {Doc: "Inception score: exp KL of a classifier's answers, 10 splits (Salimans et al.)", Higher: true, wants: classes, of: inceptionScore},
}

// Of is the measure of a pair, whose tensors live in s or above it.
func (m Measure) Of(s *torch.Scope, p Pair, o Options) (r Result, err error) {
	defer torch.Catch(&err)
	if why := m.cannot(p); why != "" {
		return nothing("%s", why), nil
	}
	c := s.Child(torch.NoGrad, torch.Of(torch.Float64))
	defer c.Close()
	p.Real, p.Fake = p.Real.in(c), p.Fake.in(c)
	return m.of(c, p, o), nil
}

// cannot is why a pair cannot be measured.
func (m Measure) cannot(p Pair) string {
	for name, x := range map[string]Set{"real": p.Real, "generated": p.Fake} {
		if n := x.N(); n < 2 && x.X.Valid() {
			return fmt.Sprintf("%d %s samples: too few", n, name)
		}
	}
	switch {
	case m.wants&model != 0:
		return "it asks a model, and is shown samples: use forger eval --checkpoint"
	case !m.Sums && (!p.Real.X.Valid() || !p.Fake.X.Valid()):
		return "the moments of the samples alone are known"
	case m.Plain() && p.Features:
		return "the likelihood of features is none of images: use --features pixels"
	case m.wants&known != 0 && p.Answer == nil:
		return "the modes of the real distribution are not known"
	case m.wants&classes != 0 && (!p.Real.Logits.Valid() || !p.Fake.Logits.Valid()):
		return "the features have no classifier: use --features classifier:SPEC, or inception:FILE"
	}
	return ""
}

// in is x as tensors of s, so that results are s's.
func (x Set) in(s *torch.Scope) Set {
	if x.X.Valid() {
		x.X = s.Use(x.X)
	}
	if x.Logits.Valid() {
		x.Logits = s.Use(x.Logits)
	}
	return x
}

// n is how many rows a set has, and d how many columns.
func (x Set) size() (n, d int) {
	shape := x.X.Shape()
	return shape[0], shape[1]
}

// columns are the values of each dimension.
func (x Set) columns() [][]float64 {
	n, d := x.size()
	flat := x.X.To(torch.Float64).Doubles()
	all := make([][]float64, d)
	for k := range all {
		all[k] = make([]float64, n)
		for i := range n {
			all[k][i] = flat[i*d+k]
		}
	}
	return all
}

// average is the mean of those values that are numbers, and how many are none.
func average(values []float64) (mean float64, undefined int) {
	sum, n := 0., 0
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			undefined++
			continue
		}
		sum, n = sum+v, n+1
	}
	return sum / float64(n), undefined
}
