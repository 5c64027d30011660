package method

import (
	"runtime"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

var (
	tiny   = model.Options{Name: "dcgan", Latent: 4, GenWidth: 2, DiscWidth: 2, Conditional: "none"}
	tinyOf = data.Shape{Height: 16, Width: 16, Channels: 1}
)

func tinyStepper(t testing.TB, s *torch.Scope) *gan {
	return newStepper(t, s, tiny, tinyOf, "nonsaturating", nil)
}

// Two thousand steps leave the resident set and the number of live tensors where they were.
func TestMemoryStaysFlat(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		st := tinyStepper(t, s)
		pixels := make([]byte, 8*16*16)
		run := func(n int) {
			for range n {
				c := s.Child()
				st.Step(c, []Batch{{X: c.Images(pixels, 8, 16, 16, 1)}}, 0)
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
		image := func() Batch { return Batch{X: c.Rand(c.NewGenerator(9), 4, 1, 16, 16)} }
		st.Step(c, []Batch{image(), image(), image()}, 0)
		assert.InDelta(t, 3, st.sumsD.Doubles()[3], 0)
		assert.InDelta(t, 1, st.sumsG.Doubles()[1], 0)
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

// The averaged generator is the exponential moving average of the parameters, with copies of the buffers.
func TestTheAverageFollowsTheGenerator(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		b, e := model.NewBuilder(s, 1), model.Table["dcgan"]
		gen, net := e.Generator(b, tiny, tinyOf), e.Generator(b, tiny, tinyOf)
		a := newAverage(net, gen, s.FullOf(torch.Float64, .75))
		a.start(s)
		before := map[string][]float64{}
		for _, e := range nn.Entries(gen) {
			before[e.Name] = e.Tensor.Doubles()
			e.Tensor.Fill(2)
		}
		a.follow(s)
		for _, e := range nn.Entries(net) {
			for i, v := range e.Tensor.Doubles() {
				want := 2.0
				if !e.Buffer {
					want = .75*before[e.Name][i] + .25*2
				}
				assert.InDelta(t, want, v, 1e-6, e.Name) // computed in float32
			}
		}
	})
}

// A dial turns the step: with a rate of 0 nothing moves, and with the rate of before the step is that of before.
func TestDialsTurnTheStep(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		st := tinyStepper(t, s)
		rate := 0.0
		for _, d := range st.parts.Dials {
			d.At = func(_, _ int64) float64 { return rate }
		}
		step := func() {
			c := s.Child()
			defer c.Close()
			st.parts.Turn(1, 2)
			st.Step(c, []Batch{{X: c.Ones(4, 1, 16, 16)}}, 0)
		}
		before := values(st.gen)
		step()
		assert.Equal(t, before, values(st.gen))
		rate = 1e-3
		step()
		for i, v := range values(st.gen) {
			assert.NotEqual(t, before[i], v, i)
		}
		assert.Equal(t, 1e-3, st.optG.Group()["lr"])
	})
}
