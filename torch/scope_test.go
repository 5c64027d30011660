package torch_test

import (
	"math"
	"runtime"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScopeFreesWhatWasBornInIt(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		before := s.Live()
		child := s.Child()
		x := child.Ones(2, 3)
		y := x.Add(x).Mul(x).Exp()
		assert.Equal(t, before+4, s.Live())
		assert.InDelta(t, math.Exp(2), y.Mean().Item(), 1e-5)
		child.Close()
		assert.Equal(t, before, s.Live())
		e := torchtest.Error(t, func() { y.Exp() })
		assert.Equal(t, torch.Closed, e.Code)
		assert.Equal(t, "exp", e.Op)
		child.Close() // a second time changes nothing
	})
}

func TestClosingAScopeClosesItsDescendants(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		a := s.Child()
		x := a.Child().Child().Ones(1)
		a.Close()
		assert.Equal(t, torch.Closed, torchtest.Error(t, func() { x.Exp() }).Code)
	})
}

func TestResultsJoinTheDeepestScope(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		w := s.Ones(2)
		deep := s.Child().Child()
		assert.Same(t, deep, w.Add(deep.Ones(2)).Scope())
		assert.Same(t, deep, deep.Use(w).Exp().Scope())
		assert.Same(t, s, w.Exp().Scope())
	})
}

func TestSiblingsDoNotMix(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		a, b := s.Child().Ones(1), s.Child().Child().Ones(1)
		e := torchtest.Error(t, func() { a.Add(b) })
		assert.Equal(t, torch.Siblings, e.Code)
		assert.Equal(t, "torch: add: the operands live in sibling scopes: bring one into the other's with Use", e.Error())
		assert.InDelta(t, 2, a.Scope().Use(b).Add(a).Item(), 0)
	})
}

func TestASealedScopeTakesNoResults(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		model := s.Child()
		w := model.Ones(2)
		model.Seal()
		assert.Equal(t, torch.Sealed, torchtest.Error(t, func() { w.Exp() }).Code)
		assert.Equal(t, torch.Sealed, torchtest.Error(t, func() { model.Ones(2) }).Code)
		step := model.Child()
		assert.InDelta(t, 4, w.Add(step.Ones(2)).Sum().Item(), 0)
	})
}

func TestAScopeBelongsToOneGoroutine(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		x := s.Ones(2)
		for name, use := range map[string]func(){
			"op":     func() { x.Exp() },
			"create": func() { s.Ones(1) },
			"read":   func() { x.Bytes() },
			"close":  func() { s.Close() },
		} {
			errs := make(chan error)
			go func() {
				var err error
				defer func() { errs <- err }()
				defer torch.Catch(&err)
				use()
			}()
			err := <-errs
			var e *torch.Error
			require.ErrorAs(t, err, &e, name)
			assert.Equal(t, torch.WrongGoroutine, e.Code, name)
		}
		assert.InDelta(t, 2, x.Sum().Item(), 0, "the owner goes on")
	})
}

func TestErrorsCarryOpAndShapes(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		e := torchtest.Error(t, func() { s.Ones(2, 3).MatMul(s.Ones(4, 5)) })
		assert.Equal(t, "matmul", e.Op)
		assert.Equal(t, torch.Failed, e.Code)
		assert.Contains(t, e.Error(), "torch: matmul: float32[2 3] and float32[4 5]: ")
		assert.NotContains(t, e.Error(), "\n")
		assert.Equal(t, torch.NotInitialised, torchtest.Error(t, func() { torch.Tensor{}.Exp() }).Code)
	})
}

func TestOutOfMemoryIsRecognised(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for _, shape := range [][]int{{1 << 50}, {1 << 40, 1 << 40}} {
			e := torchtest.Error(t, func() { s.Zeros(shape...) })
			assert.Equal(t, torch.OutOfMemory, e.Code, e.Error())
			assert.Contains(t, e.Error(), "lower the batch size")
		}
		assert.InDelta(t, 3, s.Ones(3).Sum().Item(), 0, "the process goes on")
	})
}

func TestBackwardTwiceIsAnError(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := s.Ones(3).RequireGrad()
		y := x.Mul(x).Sum()
		y.Backward(x)
		e := torchtest.Error(t, func() { y.Backward(x) })
		assert.Equal(t, "backward", e.Op)
		assert.Contains(t, e.Error(), "a second time")
	})
}

func TestAReleasedTensorIsNamed(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		x := s.Ones(3)
		before := s.Live()
		x.Release()
		assert.Equal(t, before-1, s.Live())
		assert.Equal(t, torch.Released, torchtest.Error(t, func() { x.Exp() }).Code)
		assert.Equal(t, torch.Released, torchtest.Error(t, func() { x.Release() }).Code)
	})
}

func TestGradModeIsTheScopes(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		w := s.Ones(2).RequireGrad()
		off := s.Child(torch.NoGrad)
		assert.False(t, off.Use(w).Exp().Info().RequiresGrad)
		on := off.Child(torch.WithGrad)
		assert.True(t, on.Use(w).Exp().Info().RequiresGrad)
		assert.True(t, w.Exp().Info().RequiresGrad)
	})
}

func TestTrainAndEvalAreInherited(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		assert.True(t, s.Training())
		assert.False(t, s.Child(torch.Eval).Child().Training())
		assert.True(t, s.Child(torch.Eval).Child(torch.Train).Training())
	})
}

func TestGeneratorStateReplaysTheStream(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		g := s.NewGenerator(7)
		s.Randn(g, 5)
		state := g.State()
		want := s.Randn(g, 100).Floats()
		assert.NotEqual(t, want, s.Randn(g, 100).Floats())
		g.SetState(state)
		assert.Equal(t, want, s.Randn(g, 100).Floats())
		assert.Equal(t, want, func() []float32 {
			other := s.NewGenerator(0)
			other.SetState(state)
			return s.Randn(other, 100).Floats()
		}())
		assert.Equal(t, torch.Failed, torchtest.Error(t, func() { g.SetState([]byte{1, 2, 3}) }).Code)
	})
}

// The number of threads is the root's, also where the same OS thread had another scope before.
func TestThreadsAreTheRoots(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, n := range []int{1, 3, 0, 2, 0} {
		root, err := torch.NewScope(torch.Threads(n))
		require.NoError(t, err)
		want := n
		if n == 0 {
			want = torch.DefaultThreads()
		}
		assert.Equal(t, want, root.Child().Threads(), "asked for %d", n)
		root.Close()
	}
}

// An operand whose scope is closed is told of wherever tensors go in, not read as what now lies there.
func TestOperandsOfAClosedScopeAreNamed(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		c := s.Child()
		gone := c.Ones(2).RequireGrad()
		store := c.FromBytes(make([]byte, 12), torch.Uint8, 1, 2, 2, 3)
		c.Close()
		x := s.Ones(2).RequireGrad()
		one := s.FullOf(torch.Float64, 1)
		adam := func(p, m, v, n, lr torch.Tensor) {
			list := func(t torch.Tensor) []torch.Tensor { return []torch.Tensor{t} }
			s.AdamStep(torch.AdamState{Params: list(p), ExpAvg: list(m), ExpAvgSq: list(v), Steps: list(n)}, torch.AdamOptions{LR: lr})
		}
		for name, use := range map[string]func(){
			"gradient":  func() { s.Gradient(gone) },
			"backward":  func() { x.Sum().Backward(gone) },
			"grad":      func() { torch.Grad(x.Sum(), false, gone) },
			"gather":    func() { s.Gather(store, []int64{0}, nil) },
			"points":    func() { s.GatherPoints(store, []int64{0}) },
			"like":      func() { s.ZerosLike(gone) },
			"cat":       func() { torch.Cat(0, x, gone) },
			"script":    func() { s.SaveScript("never", "", []torch.ScriptState{{Key: "a", Tensor: gone}}) },
			"parameter": func() { adam(gone, x, x, one, one) },
			"state":     func() { adam(x, gone, x, one, one) },
			"rate":      func() { adam(x, x, x, one, gone) },
			"sgd":       func() { s.SGDStep([]torch.Tensor{gone}, nil, torch.SGDOptions{LR: one}) },
			"average":   func() { s.Average([]torch.Tensor{x}, []torch.Tensor{gone}, one, nil, nil) },
			"zero grad": func() { s.ZeroGrad([]torch.Tensor{gone}) },
			"meter":     func() { s.MeterAdd(s.FullOf(torch.Float64, 0, 3), gone) },
			"use":       func() { s.Use(gone) },
		} {
			assert.Equal(t, torch.Closed, torchtest.Error(t, use).Code, name)
		}
		sibling := s.Child().Ones(2)
		assert.Equal(t, torch.Siblings, torchtest.Error(t, func() { s.Child().ZeroGrad([]torch.Tensor{sibling}) }).Code)
	})
}

func TestAnOperandThatWasNeverMadeIsNamed(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x, none := s.Ones(2, 2), torch.Tensor{}
		for name, use := range map[string]func(){
			"cat":        func() { torch.Cat(0, x, none) },
			"cat first":  func() { torch.Cat(0, none, x) },
			"linear":     func() { x.Linear(none, none) },
			"conv":       func() { s.Ones(1, 1, 4, 4).Conv2d(none, none, torch.Conv{}) },
			"transposed": func() { s.Ones(1, 1, 4, 4).ConvTranspose2d(none, none, torch.Conv{}) },
			"add":        func() { x.Add(none) },
			"backward":   func() { none.Backward() },
			"leaf":       func() { x.Sum().Backward(none) },
			"grad":       func() { torch.Grad(x, false, none) },
			"sgd":        func() { s.SGDStep([]torch.Tensor{x}, nil, torch.SGDOptions{}) },
			"gather":     func() { s.Gather(none, []int64{0}, nil) },
			"randn":      func() { s.Randn(nil, 2) },
			"rand":       func() { s.Rand(&torch.Generator{}, 2) },
			"normal":     func() { x.Normal(nil, 0, 1) },
			"uniform":    func() { x.Uniform(nil, 0, 1) },
			"dropout":    func() { x.Dropout(nil, .5) },
			"state":      func() { (*torch.Generator)(nil).State() },
			"scope":      func() { (&torch.Scope{}).Ones(2) },
			"replay":     func() { (*torch.Graph)(nil).Replay() },
			"send":       func() { (&torch.Uploader{}).Send(nil) },
			"event":      func() { s.Event().Milliseconds(nil) },
		} {
			assert.Equal(t, torch.NotInitialised, torchtest.Error(t, use).Code, name)
		}
		bias := x.Linear(s.Ones(3, 2), none) // optional, and left out
		assert.Equal(t, []int{2, 3}, bias.Shape())
	})
}

// A tensor does not cross goroutines by Use either.
func TestUseIsForOneGoroutine(t *testing.T) {
	f := elsewhere(t)
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		assert.Equal(t, torch.WrongGoroutine, torchtest.Error(t, func() { s.Use(f.tensor) }).Code)
		assert.Equal(t, torch.WrongGoroutine, torchtest.Error(t, func() { f.scope.Child() }).Code)
		assert.Equal(t, torch.WrongGoroutine, torchtest.Error(t, func() { f.scope.Live() }).Code)
		other, err := torch.NewScope() // of this one
		require.NoError(t, err)
		defer other.Close()
		assert.Equal(t, []float64{1, 1}, s.Use(other.Ones(2)).Doubles())
	})
}

// Each of several roots, and of the scopes below them, has its own number in each call, in whatever order they close.
func TestScopesOfOneGoroutineHaveTheirOwnThreads(t *testing.T) {
	a, err := torch.NewScope(torch.Threads(1))
	require.NoError(t, err)
	b, err := torch.NewScope(torch.Threads(3))
	require.NoError(t, err)
	c := b.Child(torch.Threads(2))
	assert.Equal(t, []int{1, 3, 2, 1}, []int{a.Threads(), b.Threads(), c.Threads(), a.Threads()})
	a.Close()
	assert.Equal(t, []int{3, 2}, []int{b.Threads(), c.Child().Threads()})
	b.Close()
}

// What no scope can have is refused before it can stop the process.
func TestOptionsThatNoScopeCanHave(t *testing.T) {
	root, err := torch.NewScope()
	require.NoError(t, err)
	defer root.Close()
	for want, o := range map[string]torch.Option{
		"-1 threads: use 1 to ":        torch.Threads(-1),
		"100000 threads: use 1 to ":    torch.Threads(100_000),
		"convolutions by kernels":      torch.Convolutions(99, true),
		"convolutions by kernels that": torch.Convolutions(3, false),
	} {
		_, err := torch.NewScope(o)
		assert.ErrorContains(t, err, want)
		assert.Contains(t, torchtest.Error(t, func() { root.Child(o) }).Error(), want)
	}
	assert.Contains(t, torchtest.Error(t, func() { root.Child(torch.On(torch.Device{CUDA: true})) }).Error(), "is a root of its own")
}
