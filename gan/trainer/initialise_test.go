package trainer

import (
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The means are of each number by itself, in a generator's order; a run that goes on asks for none.
func TestMeanOfTheData(t *testing.T) {
	c := defaults()
	c.Method.Model.FromMean = true
	p := &setup{job: c.job(), ds: fakeData{n: 5, shape: data.Shape{Height: 2, Width: 3, Channels: 3}}}
	got, err := p.mean(t.Context(), true)
	require.NoError(t, err)
	var want []float32
	for channel := range 3 {
		for pixel := range 6 {
			want = append(want, float32(2+3*pixel+channel)/127.5-1) // image i has i+k at k
		}
	}
	assert.InDeltaSlice(t, want, got, 1e-6)
	got, err = p.mean(t.Context(), false)
	require.NoError(t, err)
	assert.Nil(t, got)
}

// Of large images fewer are read: their channels need no more.
func TestTheMeanOfLargeImagesReadsFewOfThem(t *testing.T) {
	c := defaults()
	c.Method.Model.FromMean = true
	read := &counted{Dataset: fakeData{n: 5000, shape: data.Shape{Height: 256, Width: 256, Channels: 3}}}
	p := &setup{job: c.job(), ds: read}
	got, err := p.mean(t.Context(), true)
	require.NoError(t, err)
	assert.Len(t, got, 3*256*256)
	assert.GreaterOrEqual(t, read.n.Load(), int64(170)) // of 192 KiB in 32 MiB
	assert.Less(t, read.n.Load(), int64(1000), "with what the loader has read ahead")
}

// counted counts what is read.
type counted struct {
	data.Dataset
	n atomic.Int64
}

func (c *counted) Read(worker, i int, dst []byte) error {
	c.n.Add(1)
	return c.Dataset.Read(worker, i, dst)
}

// With nothing to draw from, a generator that begins at the mean draws it.
func TestAGeneratorBeginsAtTheMeanOfTheData(t *testing.T) {
	c := tinyConfig(t)
	c.Method.Model.Name, c.Method.Model.FromMean, c.Data.Size, c.Run.Device = "mlp", true, vision.Square(8), "cpu"
	onTrainer(t, c, func(tr *Trainer) {
		bytes, labels, err := data.Preview(t.Context(), tr.ds, meanOf, planOf(tr.job, tr.ds).Seed)
		require.NoError(t, err)
		require.Len(t, labels, meanOf)
		want := make([]float64, 64)
		for i, b := range bytes {
			want[i%64] += (float64(b)/127.5 - 1) / meanOf
		}
		s := tr.root.Child(torch.NoGrad, torch.Eval)
		drawn := tr.parts.Nets[0].Module.Forward(s.Zeros(1, c.Method.Model.Latent, 1, 1))
		assert.InDeltaSlice(t, want, drawn.Doubles(), 1e-5)
	})
}

// So does a VAE's decoder, and its average: its last layer's bias is the logit of white of a pixel, or of all of them where it is
// a channel's, and of images of many levels their mean.
func TestADecoderBeginsAtTheMeanOfTheData(t *testing.T) {
	logit := func(mean float64) float64 {
		share := min(max((mean+1)/2, .001), .999)
		return math.Log(share / (1 - share))
	}
	itself := func(mean float64) float64 { return mean }
	for _, k := range []struct {
		settings string
		bias     string
		channels int
		to       func(mean float64) float64
	}{
		{"model=mlp binarize=dynamic", "5.bias", 1, logit},
		{"model=mlp binarize=none conditional=concat", "5.bias", 1, itself},
		{"model=dcgan binarize=fixed conditional=concat", "main.6.bias", 1, logit},
		{"model=dcgan", "main.6.bias", 3, itself},
	} {
		t.Run(k.settings, func(t *testing.T) {
			c := tinyConfig(t)
			c.Method.Method, c.Method.Model.FromMean, c.Method.EMA = "vae", true, .9
			c.Data.Size, c.Data.Channels, c.Run.Device = vision.Square(16), k.channels, "cpu"
			for _, text := range strings.Fields(k.settings) {
				name, value, _ := strings.Cut(text, "=")
				row, ok := c.settings().Find(name)
				require.True(t, ok, name)
				require.NoError(t, row.Parse(value))
			}
			onTrainer(t, c, func(tr *Trainer) {
				bytes, labels, err := data.Preview(t.Context(), tr.ds, meanOf, planOf(tr.job, tr.ds).Seed)
				require.NoError(t, err)
				means := make([]float64, 256*k.channels) // by pixel, then channel
				for i, b := range bytes {
					means[i%len(means)] += (float64(b)/127.5 - 1) / float64(len(labels))
				}
				for _, net := range []int{1, 3} {
					entries := nn.Entries(tr.parts.Nets[net].Module)
					i := slices.IndexFunc(entries, func(e nn.Entry) bool { return e.Name == k.bias })
					require.GreaterOrEqual(t, i, 0, k.bias)
					got := entries[i].Tensor.Doubles()
					want := make([]float64, len(got))
					for j := range want {
						n := len(means) / len(got)
						for pixel := range n {
							want[j] += means[(j*n+pixel)%256*k.channels+j*n/256] / float64(n)
						}
						want[j] = k.to(want[j])
					}
					assert.InDeltaSlice(t, want, got, 1e-4, tr.parts.Nets[net].Key) // a mean near -1 has few digits in float32
				}
			})
		})
	}
}
