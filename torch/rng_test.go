package torch_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A generator that nobody but a call knows lives until the call is over: here the calls are long enough for many
// collections.
func TestACallKeepsItsGenerator(t *testing.T) {
	const n = 1 << 23
	for name, call := range map[string]func(x torch.Tensor, g *torch.Generator){
		"randn":   func(x torch.Tensor, g *torch.Generator) { x.Scope().Randn(g, n) },
		"rand":    func(x torch.Tensor, g *torch.Generator) { x.Scope().Rand(g, n) },
		"normal":  func(x torch.Tensor, g *torch.Generator) { x.Normal(g, 0, 1) },
		"uniform": func(x torch.Tensor, g *torch.Generator) { x.Uniform(g, 0, 1) },
		"dropout": func(x torch.Tensor, g *torch.Generator) { x.Dropout(g, .5) },
	} {
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			x := s.Ones(n)
			var calling, early atomic.Bool
			calling.Store(true)
			collected := make(chan struct{})
			go func() {
				defer close(collected)
				for calling.Load() {
					runtime.GC()
				}
			}()
			call(x, watched(s, func() { early.Store(calling.Load()) }))
			calling.Store(false)
			<-collected
			assert.False(t, early.Load(), "%s: the generator was freed during the call", name)
		})
	}
}

// watched is a generator with a note for when it is freed.
func watched(s *torch.Scope, freed func()) *torch.Generator {
	g := s.NewGenerator(7)
	runtime.AddCleanup(g, func(note func()) { note() }, freed)
	return g
}

// A capture draws from generators that its caller may have forgotten by the time body ends.
func TestACaptureKeepsItsGenerators(t *testing.T) {
	s := cuda(t)
	s.Zeros(3)
	freed := make(chan struct{})
	g, err := s.Capture(func() {
		for range 3 {
			runtime.GC()
		}
		select {
		case <-freed:
			t.Error("freed during the capture")
		default:
		}
	}, nil, watched(s, func() { close(freed) }))
	require.NoError(t, err)
	g.Free()
}
