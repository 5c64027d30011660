package method

import (
	"fmt"
	"sync"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two ranks train the official DCGAN as PyTorch's DistributedDataParallel has two processes do it: losses and scores of the whole
// batch, weights, and rank 0's running statistics.
func TestTwoRanksAsDistributedDataParallelInFloat64(t *testing.T) {
	var want struct {
		Log   [][4]float64
		State map[string][]float64
	}
	torchtest.Golden(t, "testdata/ranks.json", &want)
	require.Len(t, want.State, 45)
	const size = 2
	lines := make([][4]float64, len(want.Log))
	var adding sync.Mutex
	torchtest.Ranks(t, size, func(rank int, comm *torch.Comm) {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			share := shares(parityBatch, size)[rank]
			share.Among = comm
			mine := func(s *torch.Scope, stream int, scale float64, shape ...int) torch.Tensor {
				x := s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...).MulScalar(scale)
				return x.Narrow(0, share.First, share.Count)
			}
			step := 0
			st := newStepper(t, s, model.Options{Name: "dcgan", Latent: 100, GenWidth: 8, DiscWidth: 8}, data.Shape{Height: 64, Width: 64, Channels: 3}, "nonsaturating",
				func(s *torch.Scope, _ int) torch.Tensor { return mine(s, 4000+step, 1.7, parityBatch, 100, 1, 1) })
			setWeights(s.Child(), st.gen, 1001)
			setWeights(s.Child(), st.disc, 2002)
			for ; step < len(want.Log); step++ {
				c := s.Child()
				st.Step(c, []Batch{{X: mine(c, 3000+step, 1, parityBatch, 3, 64, 64), Share: share}}, 0)
				d, g := st.sumsD.Doubles(), st.sumsG.Doubles()
				adding.Lock()
				for i, v := range []float64{d[0], g[0], d[1], d[2]} {
					lines[step][i] += v
				}
				adding.Unlock()
				st.sumsD.Fill(0)
				st.sumsG.Fill(0)
				c.Close()
			}
			for name, m := range map[string]nn.Module{"gen": st.gen, "disc": st.disc} {
				for _, e := range nn.Entries(m) {
					if key := name + "." + e.Name; rank == 0 || !e.Buffer {
						torchtest.Close(t, want.State[key], sampled(e.Tensor.Doubles()), 1e-9, 1e-9, fmt.Sprint(key, " of rank ", rank))
					}
				}
			}
		}, torch.Of(torch.Float64), torch.Threads(1))
	})
	for i, line := range lines {
		assert.InDeltaSlice(t, want.Log[i][:], line[:], 1e-9, "step %d", i)
	}
}
