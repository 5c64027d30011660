package report

import (
	"encoding/binary"
	"image"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/method"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func bytesOf(values ...float32) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Points of one and two dimensions become pictures, more an array; images a grid.
func TestWhatAPictureIs(t *testing.T) {
	values := bytesOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	for want, of := range map[string]data.Shape{"a.png": {Points: 1}, "b.png": {Points: 2}, "c.npy": {Points: 3}, "d.png": {Height: 4, Width: 4, Channels: 1}} {
		name := filepath.Join(t.TempDir(), want[:1])
		path, err := Picture(name, of, Samples{Generated: values, Real: values[:24]})
		require.NoError(t, err)
		assert.Equal(t, want, filepath.Base(path))
		if want == "c.npy" {
			shape, read, err := data.ReadNPY[float32](path)
			require.NoError(t, err)
			assert.Equal(t, []int{4, 3}, shape)
			assert.Equal(t, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, read)
			continue
		}
		f, err := os.Open(path)
		require.NoError(t, err)
		m, _, err := image.DecodeConfig(f)
		require.NoError(t, err)
		assert.NoError(t, f.Close())
		if !of.IsPoints() {
			assert.Equal(t, 3*(4+2)+2, m.Width, "the generated ones")
		}
	}
}

// The map is drawn at the prior's quantiles beside the inverse distribution function, in the direction that it has.
func TestALearnedMapIsBesideTheExactOne(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for _, slope := range []float64{2, -2} {
			sampler := method.Sampler{
				Width: 1, Quantile: func(share float64) float64 { return 10 * share },
				Given:  func(s *torch.Scope, v []float32) torch.Tensor { return s.FromFloats(v, len(v), 1) },
				Sample: func(x, _ torch.Tensor) torch.Tensor { return x.MulScalar(slope) },
			}
			m := Samples{Mixture: data.MixtureOf("gaussian1d"), Scope: s, Sampler: sampler}.learned()
			require.Len(t, m.Exact, len(m.Values))
			assert.InDelta(t, 10*(39.5/200), m.Latents[39], 1e-6)
			assert.InDelta(t, slope*10*(39.5/200), m.Values[39], 1e-5)
			want := -.8508 // scipy.stats.norm.ppf(.1975)
			if slope < 0 {
				want = -want
			}
			assert.InDelta(t, want, m.Exact[39], 1e-3)
			assert.Nil(t, Samples{Mixture: data.MixtureOf("ring8"), Scope: s, Sampler: sampler}.learned().Exact)
		}
	})
}

// What is drawn of a discriminator of one dimension is its probability, where it has one.
func TestADiscriminatorIsDrawnByItsProbability(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		judge := method.Net{Module: double{}, Input: method.Value{Shape: []int{1}}, Probabilities: true}
		of := data.Shape{Points: 1}
		samples := Samples{Generated: bytesOf(1, 2), Scope: s, Judge: judge}
		got := samples.probability(of)([]float32{0, 1.5, -.25})
		for i, want := range []float64{.5, .95257413, .37754067} { // torch.sigmoid(2*x)
			assert.InDelta(t, want, got[i], 1e-6)
		}
		with := samples.Plot(of)
		samples.Judge.Probabilities = false
		assert.Equal(t, 2*samples.Plot(of).Width, with.Width)
		samples.Judge = method.Net{Probabilities: true, Input: method.Value{Shape: []int{2}}}
		assert.Nil(t, samples.probability(of), "it judges pairs")
	})
}

// double is a network that says 2x of points [N,1].
type double struct{}

func (double) Forward(x torch.Tensor) torch.Tensor { return x.MulScalar(2).Reshape(-1) }
func (double) State(string, func(nn.Entry))        {}
