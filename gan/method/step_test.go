package method

import (
	"runtime"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

var tiny = Network{Size: 16, Channels: 1, Latent: 4, GenWidth: 2, DiscWidth: 2}

func tinyStepper(t testing.TB, s *torch.Scope) *stepper {
	noise := s.NewGenerator(2)
	return newStepper(t, s, tiny, func(s *torch.Scope, n int) torch.Tensor { return s.Randn(noise, n, 4, 1, 1) })
}

// Two thousand steps leave the resident set and the number of live tensors where they were.
func TestMemoryStaysFlat(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		st := tinyStepper(t, s)
		pixels := make([]byte, 8*16*16)
		run := func(n int) {
			for range n {
				c := s.Child()
				st.step(c, []torch.Tensor{c.Images(pixels, 8, 16, 16, 1)})
				c.Close()
			}
		}
		run(200)
		runtime.GC()
		live, resident := s.Live(), residentMiB(t)
		run(2000)
		runtime.GC()
		assert.Equal(t, live, s.Live())
		after := residentMiB(t)
		t.Logf("resident %.1f MiB before, %.1f MiB after 2000 steps; %d live tensors", resident, after, live)
		assert.Less(t, after-resident, 4.0, "MiB more after 2000 steps")
	})
}

// k discriminator updates count in its meter, one in the generator's, and both networks learn.
func TestDiscriminatorSteps(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		st := tinyStepper(t, s)
		before := append(values(st.gen), values(st.disc)...)
		c := s.Child()
		defer c.Close()
		image := func() torch.Tensor { return c.Rand(c.NewGenerator(9), 4, 1, 16, 16) }
		st.step(c, []torch.Tensor{image(), image(), image()})
		assert.InDelta(t, 3, st.meterD.Doubles()[placesD], 0)
		assert.InDelta(t, 1, st.meterG.Doubles()[placesG], 0)
		for i, v := range append(values(st.gen), values(st.disc)...) {
			assert.NotEqual(t, before[i], v, i)
		}
		// BatchNorm has seen: the generator's k batches of latents; the discriminator's k real, k fake and one of fakes again.
		assert.InDelta(t, 3, tracked(t, st.gen), 0)
		assert.InDelta(t, 7, tracked(t, st.disc), 0)
	})
}

func values(m nn.Module) (all [][]float64) {
	for _, p := range nn.Parameters(m) {
		all = append(all, p.Doubles())
	}
	return all
}

func tracked(t *testing.T, m nn.Module) float64 {
	t.Helper()
	for _, e := range nn.Entries(m) {
		if e.Buffer && len(e.Tensor.Shape()) == 0 {
			return e.Tensor.Item()
		}
	}
	t.Fatal("no BatchNorm")
	return 0
}
