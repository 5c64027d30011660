package feature

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"forger/data"
	"forger/gan/metric"
	"forger/torch"
	"forger/vision"
)

// statisticsVersion changes with what is kept under a name.
const statisticsVersion = 1

// Statistics are the moments of the features of n elements of a set, a choice by the seed: out of the user's cache, where they were
// taken before. Fewer elements than features are the features themselves, in s.
func Statistics(ctx context.Context, s *torch.Scope, e *Extractor, ds data.Dataset, of uint64, n int) (metric.Set, error) {
	path := statisticsFile(s, e, ds, of, n)
	if path != "" {
		m, err := ReadStatistics(path)
		if err == nil {
			m.N = n
			return metric.Set{Known: m}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return metric.Set{}, fmt.Errorf("%w: remove it, and it is taken again", err)
		}
	}
	all, err := OfData(ctx, s, e, ds, KeepMoments, of, n)
	if err != nil {
		return metric.Set{}, err
	}
	if all[0].Known != nil && path != "" {
		// Without a cache they are taken each time.
		if os.MkdirAll(filepath.Dir(path), 0o755) == nil {
			_ = WriteStatistics(path, all[0].Known)
		}
	}
	return all[0], nil
}

// statisticsFile is where they are kept: a name for all that they depend on; "": nowhere.
func statisticsFile(s *torch.Scope, e *Extractor, ds data.Dataset, of uint64, n int) string {
	folder := cacheFolder("statistics")
	if folder == "" {
		return ""
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%d %s %v %d %d %s %s %v %s", statisticsVersion, ds.Fingerprint(), ds.Shape(), of, n, e.Protocol,
		vision.Decoder, s.Device(), torch.Version()))
	return filepath.Join(folder, fmt.Sprintf("%x.npz", key[:8]))
}

// ReadStatistics reads mu [D] and sigma [D,D] as pytorch-fid and clean-fid save them. Of how many samples they are, they do not say.
func ReadStatistics(path string) (*metric.Moments, error) {
	arrays, err := data.ReadNPZ(path, "mu", "sigma")
	if err != nil {
		return nil, err
	}
	mu, sigma := arrays[0], arrays[1]
	d := len(mu.Values)
	if len(mu.Shape) != 1 || len(sigma.Shape) != 2 || d == 0 || sigma.Shape[0] != d || sigma.Shape[1] != d {
		return nil, fmt.Errorf("%s: mu %v and sigma %v: [D] and [D,D] are wanted, as pytorch-fid saves them", path, mu.Shape, sigma.Shape)
	}
	for _, v := range append(sigma.Values[:d*d:d*d], mu.Values...) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s: it holds numbers that are not finite: take the statistics again", path)
		}
	}
	return metric.NewMoments(0, mu.Values, sigma.Values), nil
}

// WriteStatistics writes moments as pytorch-fid does.
func WriteStatistics(path string, m *metric.Moments) error {
	d := len(m.Mean)
	return data.WriteNPZ(path, data.Array{Name: "mu", Shape: []int{d}, Values: m.Mean},
		data.Array{Name: "sigma", Shape: []int{d, d}, Values: m.Covariance()})
}
