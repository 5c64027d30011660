package torch_test

import (
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCPUHasNoGraphs(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		ran := false
		_, err := s.Capture(func() { ran = true }, nil)
		assert.EqualError(t, err, "torch: capture: a graph needs a CUDA device, and the scope is on cpu")
		assert.False(t, ran)
	})
}

// cuda is a root scope on a device; without one the test is skipped, and says so.
func cuda(t *testing.T) *torch.Scope {
	t.Helper()
	if n, err := torch.OpenCUDA(); n == 0 {
		t.Skip("NOT TESTED: CUDA graphs need a CUDA device: " + err.Error())
	}
	s, err := torch.NewScope(torch.On(torch.Device{CUDA: true}))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// A replay does what body does, on what its operands hold then, and draws the numbers that body would have drawn.
func TestAReplayIsTheBody(t *testing.T) {
	s := cuda(t)
	x, w := s.Ones(3), s.Ones(3).RequireGrad()
	out := s.Zeros(3)
	body := func(g *torch.Generator) func() {
		return func() {
			c := s.Child()
			defer c.Close()
			y := c.Use(x).Mul(w).Add(c.Randn(g, 3)).Add(c.Rand(g, 3))
			y.Sum().Backward(w)
			out.CopyFrom(y.Detach().Add(c.Gradient(w)))
			c.ZeroGrad([]torch.Tensor{w})
		}
	}
	eager, drawn := s.NewGenerator(7), s.NewGenerator(7)
	before := drawn.State()
	body(s.NewGenerator(1))() // what is made at first use
	out.Fill(0)
	live := s.Live()
	g, err := s.Capture(body(drawn), nil, drawn)
	require.NoError(t, err)
	defer g.Free()
	assert.Equal(t, live, s.Live())
	assert.Equal(t, before, drawn.State(), "a capture draws nothing")
	assert.Equal(t, []float64{0, 0, 0}, out.Doubles(), "a capture does nothing")
	for i := range 3 {
		x.Fill(float64(i + 1))
		body(eager)()
		want := out.Doubles()
		out.Fill(0)
		g.Replay()
		assert.Equal(t, want, out.Doubles(), i)
		assert.Equal(t, eager.State(), drawn.State(), i)
	}
	drawn.SetState(before)
	eager.SetState(before)
	g.Replay()
	want := out.Doubles()
	body(eager)()
	assert.Equal(t, want, out.Doubles(), "from a state that was set")
}

// After a capture that failed, by a wait or by an error of body's own, device, generators and later captures are well.
func TestAFailedCaptureLeavesNothing(t *testing.T) {
	s := cuda(t)
	gen, same := s.NewGenerator(3), s.NewGenerator(3)
	x := s.Ones(4)
	for name, fail := range map[string]func(c *torch.Scope){
		"waits":      func(c *torch.Scope) { c.Use(x).Sum().Item() },
		"mismatches": func(c *torch.Scope) { c.Use(x).Add(c.Zeros(3)) },
	} {
		live := s.Live()
		_, err := s.Capture(func() {
			c := s.Child()
			defer c.Close()
			c.Randn(gen, 4)
			fail(c)
		}, nil, gen)
		require.Error(t, err, name)
		assert.Equal(t, live, s.Live(), name)
		c := s.Child()
		assert.Equal(t, c.Randn(same, 4).Doubles(), c.Randn(gen, 4).Doubles(), name)
		g, err := s.Capture(func() {
			c := s.Child()
			defer c.Close()
			x.CopyFrom(c.Randn(gen, 4))
		}, nil, gen)
		require.NoError(t, err, name)
		g.Replay()
		assert.Equal(t, c.Randn(same, 4).Doubles(), x.Doubles(), name)
		g.Free()
		c.Close()
	}
	assert.Panics(t, func() { _, _ = s.Capture(func() { panic("body's own") }, nil) })
	assert.Equal(t, []float64{1, 1, 1, 1}, s.Ones(4).Doubles())
}

// Points are the float32 numbers whose bytes were sent, in their order, whatever is sent next.
func TestUploadsArePoints(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		batch := func(i, n int) []float32 {
			values := make([]float32, n*2)
			for k := range values {
				values[k] = float32(i) - float32(k)/3
			}
			return values
		}
		send := func(u *torch.Uploader, values []float32) { u.Send(s.FromFloats(values, len(values)).Bytes()) }
		u := s.NewUploader(5 * 2 * 4)
		defer u.Free()
		send(u, batch(0, 5))
		send(u, batch(1, 3))
		first, second := u.Points(s, 5, 2), u.Points(s, 3, 2)
		send(u, batch(2, 4))
		send(u, batch(3, 4))
		assert.Equal(t, torch.Float32, first.Info().DType)
		assert.Equal(t, s.Device(), first.Info().Device)
		assert.Equal(t, []int{5, 2}, first.Shape())
		assert.Equal(t, batch(0, 5), first.Floats())
		assert.Equal(t, []int{3, 2}, second.Shape())
		assert.Equal(t, batch(1, 3), second.Floats())
	})
}

// What an Uploader brings is what Images makes, whatever the sizes, also two at a time.
func TestUploadsAreImages(t *testing.T) {
	for _, format := range []torch.Format{torch.Contiguous, torch.ChannelsLast} {
		torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
			batch := func(i, n int) []byte {
				pixels := make([]byte, n*4*2*3)
				for k := range pixels {
					pixels[k] = byte(k*7 + i*31)
				}
				return pixels
			}
			u := s.NewUploader(6 * 4 * 2 * 3)
			defer u.Free()
			check := func(c *torch.Scope, i, n int) {
				want, got := c.Images(batch(i, n), n, 4, 2, 3), u.Images(c, n, 4, 2, 3)
				assert.Equal(t, want.Info(), got.Info())
				assert.Equal(t, want.Floats(), got.Floats(), i)
			}
			sizes := []int{6, 1, 6, 5, 2, 6, 6}
			c := s.Child()
			for i, n := range sizes {
				sent := batch(i, n)
				u.Send(sent)
				clear(sent)
				if i > 0 {
					check(c, i-1, sizes[i-1])
				}
			}
			u.Send(batch(9, 3))
			assert.Contains(t, torchtest.Error(t, func() { u.Send(batch(0, 1)) }).Error(), "two batches are on their way")
			check(c, len(sizes)-1, 6)
			check(c, 9, 3)
			assert.Contains(t, torchtest.Error(t, func() { u.Images(c, 1, 4, 2, 3) }).Error(), "no batch was sent")
			assert.Contains(t, torchtest.Error(t, func() { u.Send(batch(0, 7)) }).Error(), "168 bytes, and there is room for 144")
			u.Send(batch(8, 2))
			assert.Contains(t, torchtest.Error(t, func() { u.Images(c, 3, 4, 2, 3) }).Error(), "48 bytes were sent, and 72 are asked for")
			check(c, 8, 2)
			c.Close()
		}, torch.Layout(format))
	}
}

// Graphs that share their memory do what each does alone, in any order, and one that fails takes nothing from the others.
func TestGraphsShareMemory(t *testing.T) {
	s := cuda(t)
	x := s.Randn(s.NewGenerator(1), 64, 64)
	bodies, outs, wants := []func(){}, []torch.Tensor{}, [][]float64{}
	for _, n := range []int{64, 16, 48} {
		out := s.Zeros(n, 64)
		body := func() {
			c := s.Child()
			defer c.Close()
			y := c.Use(x).Slice(0, 0, n, 1)
			for range 4 {
				y = y.MatMul(c.Use(x)).Tanh()
			}
			out.CopyFrom(y)
		}
		body()
		bodies, outs, wants = append(bodies, body), append(outs, out), append(wants, out.Doubles())
	}
	first, err := s.Capture(bodies[0], nil)
	require.NoError(t, err)
	graphs := []*torch.Graph{first}
	_, err = s.Capture(func() { bodies[1](); s.Zeros(2).Add(s.Zeros(3)) }, first)
	require.Error(t, err)
	for _, body := range bodies[1:] {
		g, err := s.Capture(body, first)
		require.NoError(t, err)
		graphs = append(graphs, g)
	}
	for _, i := range []int{2, 0, 1, 0, 2, 1} {
		outs[i].Fill(0)
		graphs[i].Replay()
		torchtest.Close(t, wants[i], outs[i].Doubles(), 1e-6, 1e-6, "replayed")
	}
	for _, g := range graphs { // the first goes first: the others keep the memory
		g.Free()
	}
}

// What a capture forbids is an error that names it, on the CPU as well, and whoever asks: the caller or an op that reads.
func TestARehearsalRefusesWhatACaptureDoes(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x, gen := s.FromFloats([]float32{1, 0, 2}, 3).RequireGrad(), s.NewGenerator(1)
		state, from, to := gen.State(), s.Event(), s.Event()
		up := s.NewUploader(16)
		defer func() {
			from.Free()
			to.Free()
			up.Free()
		}()
		for want, ask := range map[string]func(c *torch.Scope){
			"synchronize: ":          func(c *torch.Scope) { c.Synchronize() },
			"a copy to the host: ":   func(c *torch.Scope) { c.Use(x).Sum().Item() },
			"a copy from the host: ": func(c *torch.Scope) { c.FromFloats([]float32{1}, 1) },
			"get_state: ":            func(*torch.Scope) { gen.State() },
			"set_state: ":            func(*torch.Scope) { gen.SetState(state) },
			"a time: ":               func(*torch.Scope) { from.Milliseconds(to) },
			"send: a copy from":      func(*torch.Scope) { up.Send([]byte{1}) },
		} {
			err := s.Rehearse(func() {
				c := s.Child()
				defer c.Close()
				ask(c)
			})
			assert.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, "a step that is captured must not wait for the device")
		}
		var e *torch.Error
		assert.ErrorAs(t, s.Rehearse(func() { s.Zeros(2).Add(s.Zeros(3)) }), &e, "a failure of body's own")
		assert.Equal(t, 3., x.Sum().Item(), "afterwards all is as before")
	})
}

// An objective with gradients of gradients, as a penalty has them, asks the host for nothing.
func TestSecondOrderGradientsCanBeCaptured(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(1)
		net := nn.Sequential{
			nn.NewConv2d(s, g, 1, 2, 4, nn.ConvOptions{Stride: 2, Padding: 1}), nn.LeakyReLU(.2), nn.Reshape{-1, 2 * 4 * 4},
			nn.NewLinear(s, g, 32, 1, false), nn.Tanh(),
		}
		params := nn.Parameters(net)
		x := s.Randn(g, 3, 1, 8, 8)
		gradients := func() (all [][]float64) {
			for _, p := range params {
				if grad := s.Gradient(p); grad.Valid() {
					all = append(all, grad.Doubles())
				}
			}
			s.ZeroGrad(params)
			return all
		}
		penalty := func() {
			c := s.Child()
			defer c.Close()
			in := c.Use(x).Detach().RequireGrad()
			square := torch.Grad(net.Forward(in).Sum(), true, in)[0].Pow(2).SumOver(torch.Reduction{Dims: []int{1, 2, 3}})
			square.Sqrt().Affine(1, -1).Pow(2).Mean().Backward(params...)
		}
		penalty()
		want := gradients()
		require.NotEmpty(t, want)
		require.NoError(t, s.Rehearse(penalty))
		assert.Equal(t, want, gradients())
	})
}

// A body that closes what it was run in ends no more than that: the tree's other calls are as before.
func TestABodyMayCloseItsScope(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		c := s.Child()
		require.NoError(t, c.Rehearse(c.Close))
		assert.Equal(t, []float64{1}, s.Ones(1).Doubles(), "no capture is on")
		root, err := torch.NewScope()
		require.NoError(t, err)
		require.NoError(t, root.Rehearse(root.Close))
	})
}
