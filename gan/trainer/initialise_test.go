package trainer

import (
	"testing"

	"forger/data"
	"forger/torch"
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
