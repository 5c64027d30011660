package nn_test

import (
	"maps"
	"slices"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

var inits = map[string]func(w torch.Tensor, g *torch.Generator){
	"orthogonal_tall": func(w torch.Tensor, g *torch.Generator) { w.Orthogonal(g, 1.5) },
	"orthogonal_wide": func(w torch.Tensor, g *torch.Generator) { w.Orthogonal(g, 1) },
	"xavier_uniform":  func(w torch.Tensor, g *torch.Generator) { nn.XavierUniform(w, g, 1.5) },
	"xavier_normal":   func(w torch.Tensor, g *torch.Generator) { nn.XavierNormal(w, g, 1.5) },
	"kaiming_uniform": func(w torch.Tensor, g *torch.Generator) { nn.KaimingUniform(w, g, nn.LeakyGain(.2)) },
	"kaiming_normal":  func(w torch.Tensor, g *torch.Generator) { nn.KaimingNormal(w, g, nn.LeakyGain(0)) },
}

// On the CPU an initialisation draws what PyTorch's draws from the same seed.
func TestInitialisationsAsPyTorch(t *testing.T) {
	var golden struct{ Inits map[string]tensor }
	torchtest.Golden(t, "testdata/init.json", &golden)
	assert.Equal(t, slices.Sorted(maps.Keys(golden.Inits)), slices.Sorted(maps.Keys(inits)))
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for name, want := range golden.Inits {
			w := s.Zeros(want.Shape...).RequireGrad()
			inits[name](w, s.NewGenerator(5))
			torchtest.Close(t, want.Values, w.Doubles(), 1e-12, 1e-12, name)
		}
	}, torch.Of(torch.Float64))
}

// On every device, and channels last: the rows of a wide weight, as the columns of a tall one, are orthogonal.
func TestOrthogonalIsOrthogonal(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, shape := range [][]int{{8, 3, 4, 4}, {50, 3, 2, 2}} {
			w := s.Zeros(shape...).ToFormat(torch.ChannelsLast)
			w.Orthogonal(s.NewGenerator(5), 2)
			m := w.Reshape(shape[0], -1)
			if shape[0] > shape[1]*shape[2]*shape[3] {
				m = m.Permute(1, 0)
			}
			n := m.Shape()[0]
			want := make([]float64, n*n)
			for i := range n {
				want[i*n+i] = 4
			}
			torchtest.Close(t, want, m.MatMul(m.Permute(1, 0)).Doubles(), 1e-5, 1e-5, "products")
		}
		e := torchtest.Error(t, func() { nn.XavierUniform(s.Zeros(3), s.NewGenerator(1), 1) })
		assert.Contains(t, e.Error(), "two dims or more")
	})
}
