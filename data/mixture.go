package data

import (
	"fmt"
	"math"
)

// Mixture is a distribution of points whose answers are known: normal distributions of equal weight, one standard
// deviation wide in every direction.
type Mixture struct {
	Means [][]float64 // a mode each
	SD    float64
}

// MixtureOf is what the points of a spec are drawn from; nil where that is not known.
func MixtureOf(spec string) *Mixture {
	_, _, src, err := Parse(spec)
	if err != nil {
		return nil
	}
	return src.mixture
}

// Density is that of a mixture of one dimension.
func (m *Mixture) Density(x float64) float64 {
	sum := 0.0
	for _, mean := range m.Means {
		z := (x - mean[0]) / m.SD
		sum += math.Exp(-z * z / 2)
	}
	return sum / (m.SD * math.Sqrt(2*math.Pi) * float64(len(m.Means)))
}

// Quantile is the inverse of the distribution function of a mixture of one mode in one dimension, at p in (0,1).
func (m *Mixture) Quantile(p float64) float64 {
	return m.Means[0][0] + m.SD*math.Sqrt2*math.Erfinv(2*p-1)
}

// toyEpoch is PacGAN's number of samples (Lin et al. 2018).
const toyEpoch = 100_000

// toy draws the points of a mixture. Point i of epoch e is a function of the seed, e and i; its mode, and its label where
// there are several, is i mod their number.
type toy struct {
	*Mixture
	labelled
	name string
	seed uint64
}

// drawn is how a mixture is opened as a source of a name.
func (m *Mixture) drawn(name string) func(string, Options) (Dataset, error) {
	return func(_ string, o Options) (Dataset, error) {
		t := &toy{Mixture: m, name: name, seed: o.Seed}
		if len(m.Means) > 1 {
			for mode := range m.Means {
				t.classes = append(t.classes, fmt.Sprint(mode))
			}
		}
		return t, nil
	}
}

func (t *toy) Spec() string        { return t.name }
func (t *toy) Len() int            { return toyEpoch }
func (t *toy) Shape() Shape        { return Shape{Points: len(t.Means[0])} }
func (t *toy) Close() error        { return nil }
func (t *toy) Fingerprint() string { return fmt.Sprintf("%s 1 seed %d", t.name, t.seed) }

func (t *toy) Label(i int) int {
	if t.classes == nil {
		return -1
	}
	return i % len(t.Means)
}

func (t *toy) Read(epoch, i int, dst []byte) error {
	d := draws(mix(t.seed) ^ mix(uint64(epoch)<<32|uint64(i)))
	for k, mean := range t.Means[i%len(t.Means)] {
		u := d.next() + 0x1p-53 // in (-1,1)
		putNumber(dst, k, float32(mean+t.SD*math.Sqrt2*math.Erfinv(u)))
	}
	return nil
}
