package method

import (
	"fmt"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/require"
)

// shares of a batch of n for so many, as rank.Rows has them.
func shares(n, size int) (all []torch.Share) {
	for r := range size {
		first, end := n*r/size, n*(r+1)/size
		all = append(all, torch.Share{First: first, Count: end - first, Of: n})
	}
	return all
}

// ending is what a training came to.
type ending struct{ weights, sums map[string][]float64 }

const sharedSteps = 12

// endOf trains on the share of each batch; batches are of alternating sizes.
func endOf(t *testing.T, settings []string, of data.Shape, among *torch.Comm, rank, size int) (e ending) {
	t.Helper()
	s, err := torch.NewScope(torch.Of(torch.Float64), torch.Threads(1))
	require.NoError(t, err)
	defer s.Close()
	o := training{Settings: settings}.optionsOf(t)
	b := model.NewBuilder(s, 1)
	nets := o.Entry().Nets(b, o, of)
	o.Join(nets)
	m := o.Entry().New(b, o, nets, 8)
	s.Seal()
	for step := range int64(sharedSteps) {
		c := s.Child()
		m.Parts().Turn(step, sharedSteps)
		var batches []Batch
		for i := range m.Batches() {
			n := 12 - 2*int(step%2)
			shape := []int{n, of.Points}
			if !of.IsPoints() {
				shape = []int{n, of.Channels, of.Height, of.Width}
			}
			x := c.FromDoubles(torchtest.Fill(int(step)*10+i, torchtest.Count(shape)), shape...)
			var share torch.Share
			if size > 1 {
				share = shares(n/o.Pack, size)[rank]
				share = torch.Share{First: share.First * o.Pack, Count: share.Count * o.Pack, Of: n, Among: among}
				x = x.Narrow(0, share.First, share.Count)
			}
			labels := inOrder(c, n, of.Classes)
			if of.Classes > 0 && size > 1 {
				labels = labels.Narrow(0, share.First, share.Count)
			}
			batches = append(batches, Batch{X: x, Labels: labels, Share: share})
		}
		m.Step(c, batches, m.Variant(step))
		c.Close()
	}
	e = ending{map[string][]float64{}, map[string][]float64{}}
	for _, n := range m.Parts().Nets {
		for _, entry := range nn.Entries(n.Module) {
			e.weights[n.Key+"."+entry.Name] = entry.Tensor.Doubles()
		}
	}
	for _, k := range m.Parts().Kept {
		e.weights[k.Key] = k.Tensor.Doubles()
	}
	for _, meter := range m.Parts().Meters {
		sums := meter.Sums.Doubles()
		e.sums[meter.Key] = sums[:len(meter.Names)]
	}
	return e
}

// alike are trainings in which no sample hangs on the others of its batch but by what is taken over the whole.
var alike = map[string]struct {
	settings []string
	of       data.Shape
}{
	"dropout, packed, noise, average": {[]string{"model=mlp", "pack=2", "instance-noise=.1", "ema=.9"}, data.Shape{Height: 8, Width: 8, Channels: 1}},
	"pairs, r1 and r2":                {[]string{"model=toy", "loss=relativistic", "penalty=r1=1", "penalty=r2=1:.1"}, data.Shape{Points: 2}},
	"gp, five updates":                {[]string{"model=toy", "loss=wasserstein", "penalty=gp", "disc-steps=5", "prior=uniform"}, data.Shape{Points: 2}},
	"dragan, smooth labels":           {[]string{"model=toy", "penalty=dragan", "penalty-every=2", "label-smoothing=.1"}, data.Shape{Points: 2}},
	"augmented":                       {[]string{"model=mlp", "augment=color,translation,cutout"}, data.Shape{Height: 8, Width: 8, Channels: 3}},
	"adaptive":                        {[]string{"model=mlp", "augment=ada=.05", "lr=.01"}, data.Shape{Height: 8, Width: 8, Channels: 1}},
	"spectral norm":                   {[]string{"model=toy", "spectral-norm=true", "loss=hinge", "optim=rmsprop"}, data.Shape{Points: 2}},
	"clipped, both at once":           {[]string{"model=toy", "loss=wasserstein", "penalty=clip", "simultaneous=true"}, data.Shape{Points: 2}},
	"autoencoder":                     {[]string{"method=vae", "model=mlp", "iw-samples=3"}, data.Shape{Height: 8, Width: 8, Channels: 1}},
	"free bits":                       {[]string{"method=vae", "model=mlp", "free-bits=.01", "binarize=none"}, data.Shape{Height: 8, Width: 8, Channels: 1}},
	"batch normalisation":             {[]string{"model=dcgan", "sync-bn=true", "penalty=r1=1", "penalty=gp=1", "ema=.9"}, data.Shape{Height: 16, Width: 16, Channels: 1}},
	"the same of an autoencoder":      {[]string{"method=vae", "model=dcgan", "sync-bn=true"}, data.Shape{Height: 16, Width: 16, Channels: 1}},
	"autoencoder given labels":        {[]string{"method=vae", "model=mlp", "conditional=concat", "iw-samples=3"}, data.Shape{Height: 8, Width: 8, Channels: 1, Classes: 3}},
	"pixel by pixel given labels":     {[]string{"method=pixelcnn", "model=masked", "conditional=concat"}, data.Shape{Height: 4, Width: 4, Channels: 1, Classes: 3}},
	"pixel by pixel":                  {[]string{"method=pixelcnn", "model=masked"}, data.Shape{Height: 4, Width: 4, Channels: 1}},
}

// Several processes with a share each of the batches come to what one comes to with the whole: latents, dropout, noise, bends,
// penalties' samples and binarisations are those of the rows, gradients and meters those of the batch.
func TestSeveralProcessesTrainAsOne(t *testing.T) {
	require.NoError(t, torch.Load())
	for name, c := range alike {
		settings := append([]string{"latent=4", "gen-width=8", "disc-width=8"}, c.settings...)
		want := endOf(t, settings, c.of, nil, 0, 1)
		for _, size := range []int{2, 3, 4} { // 12 and 10 rows: of 3 and 4 uneven ones
			ends := make([]ending, size)
			torchtest.Ranks(t, size, func(rank int, comm *torch.Comm) { ends[rank] = endOf(t, settings, c.of, comm, rank, size) })
			want.agree(t, ends, name)
		}
	}
}

// agree has every rank's weights be those of one alone, and their meters add up to its own.
func (want ending) agree(t *testing.T, ends []ending, name string) {
	t.Helper()
	size := len(ends)
	for r, end := range ends {
		require.Len(t, end.weights, len(want.weights))
		for key, values := range want.weights {
			torchtest.Close(t, values, end.weights[key], 1e-9, 1e-9, fmt.Sprint(name, ": ", key, ", rank ", r, " of ", size))
		}
	}
	for key, values := range want.sums {
		total := make([]float64, len(values))
		for _, end := range ends {
			for i, v := range end.sums[key] {
				total[i] += v
			}
		}
		torchtest.Close(t, values, total, 1e-9, 1e-9, fmt.Sprint(name, ": meter ", key, " of ", size))
	}
}
