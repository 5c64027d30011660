package torch_test

import (
	"path/filepath"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
)

// A known sequence of tensors takes known bytes: what was there before counts for nothing, what is freed makes room.
func TestPeakBytesOfAKnownSequence(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		before := s.Zeros(1 << 20) // of float32, as all that follow; CUDA's allocator counts in 512 bytes
		for range 2 {              // a measurement leaves nothing to the next
			peak := s.PeakBytes(func() {
				a := s.Child().Zeros(1024)
				b := a.Affine(2, 0)
				a.Release()
				b.Exp()
				c := s.Child()
				c.Zeros(2048)
				c.Close()
				s.Child().Zeros(512)
			})
			assert.EqualValues(t, 4*(1024+1024+2048), peak)
		}
		assert.EqualValues(t, 0, s.PeakBytes(func() { before.Fill(1) }))
	})
}

// Backward counts, and memory grows with the batch, in a straight line where the peak lies at the same operation at every
// batch.
func TestPeakBytesGrowWithTheBatch(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(1)
		net := nn.Sequential{
			nn.NewConv2d(s, g, 3, 8, 4, nn.ConvOptions{Stride: 2, Padding: 1}), nn.NewBatchNorm2d(s, 8), nn.LeakyReLU(.2),
			nn.NewConv2d(s, g, 8, 16, 4, nn.ConvOptions{Stride: 2, Padding: 1}), nn.Tanh(),
		}
		params := nn.Parameters(net)
		peak := func(batch int, backward bool) float64 {
			c := s.Child()
			defer c.Close()
			x := c.Zeros(batch, 3, 64, 64).ToFormat(torch.ChannelsLast)
			return float64(c.PeakBytes(func() {
				loss := net.Forward(x).Mean()
				if backward {
					loss.Backward(params...)
				}
				c.ZeroGrad(params)
			}))
		}
		peak(1, true) // what is made at first use
		one, two, eight := peak(1, true), peak(2, true), peak(8, true)
		assert.InEpsilon(t, one+7*(two-one), eight, .05)
		assert.Greater(t, two-one, float64(4*(8*32*32+16*16*16)), "at least what the layers make of an image")
		assert.Greater(t, peak(8, true), 1.2*peak(8, false), "backward makes gradients")
	}, torch.Layout(torch.ChannelsLast))
}

func TestAMeasurementEndsWithItsBody(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		e := torchtest.Error(t, func() { s.PeakBytes(func() { s.Child().PeakBytes(func() {}) }) })
		assert.Equal(t, "torch: peak_bytes: memory is being measured already", e.Error())
		assert.Panics(t, func() { s.PeakBytes(func() { panic("body's own") }) })
		c := s.Child()
		assert.EqualValues(t, 4096, c.PeakBytes(func() {
			c.Zeros(1024)
			c.Close()
		}))
	})
}

// libtorch keeps one place for the two of them.
func TestATraceAndAMeasurementAreApart(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		s.PeakBytes(func() {
			assert.Contains(t, torchtest.Error(t, s.StartTrace).Error(), "memory is being measured")
		})
		s.StartTrace()
		e := torchtest.Error(t, func() { s.PeakBytes(func() {}) })
		assert.Contains(t, e.Error(), "a trace is being recorded")
		s.Ones(2)
		s.StopTrace(filepath.Join(t.TempDir(), "trace.json"))
		assert.EqualValues(t, 4096, s.PeakBytes(func() { s.Zeros(1024) }))
	})
}

// A second Free does nothing, also after the scope; what was freed is not used again.
func TestFreeTwice(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		c := s.Child()
		event, uploader, end := c.Event(), c.NewUploader(8), c.Span("twice")
		end()
		end()
		event.Free()
		event.Free()
		uploader.Free()
		uploader.Free()
		assert.Equal(t, torch.Released, torchtest.Error(t, func() { event.Milliseconds(event) }).Code)
		assert.Equal(t, torch.Released, torchtest.Error(t, func() { uploader.Send(nil) }).Code)
		late, left := c.Event(), c.NewUploader(8)
		c.Close()
		late.Free()
		left.Free()
		assert.Equal(t, torch.Closed, torchtest.Error(t, func() { left.Send(nil) }).Code)
		(&torch.Graph{}).Free()
	})
}
