package torch_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"forger/torch"

	"github.com/stretchr/testify/require"
)

// foreign is what another goroutine has made.
type foreign struct {
	scope     *torch.Scope
	tensor    torch.Tensor
	generator *torch.Generator
}

// elsewhere has a goroutine keep a tree until the test ends.
func elsewhere(t *testing.T) foreign {
	t.Helper()
	made, end := make(chan foreign), make(chan struct{})
	go func() {
		root, err := torch.NewScope()
		if err != nil {
			close(made)
			return
		}
		defer root.Close()
		made <- foreign{root, root.Ones(2, 3), root.NewGenerator(1)}
		<-end
	}()
	f, ok := <-made
	require.True(t, ok, "no scope on another goroutine")
	t.Cleanup(func() { close(end) })
	return f
}

// world is what arguments are picked from: for each type what a caller should give, and what he should not.
type world struct {
	r         *rand.Rand
	dir       string
	root      *torch.Scope
	good, bad map[reflect.Type][]reflect.Value
}

func newWorld(t *testing.T, r *rand.Rand, dir string, f foreign) *world {
	t.Helper()
	root, err := torch.NewScope()
	require.NoError(t, err)
	w := &world{r: r, dir: dir, root: root, good: map[reflect.Type][]reflect.Value{}, bad: map[reflect.Type][]reflect.Value{}}
	s, closed, sealed, released := root.Child(), root.Child(), root.Child(), root.Ones(2)
	sibling := root.Child().Ones(2, 3)
	gone, kept := closed.Ones(2, 3).RequireGrad(), sealed.Ones(2, 3)
	drawn, freed, event := closed.NewGenerator(1), root.NewUploader(8), root.Event()
	lost := closed.NewUploader(8)
	saved := filepath.Join(dir, "script")
	root.SaveScript(saved, "def forward(self, x):\n    return x\n", nil)
	script, freedScript, lostScript := root.OpenScript(saved), root.OpenScript(saved), closed.OpenScript(saved)
	closed.Close()
	sealed.Seal()
	released.Release()
	freedScript.Free()
	freed.Free()
	event.Free()
	up := root.NewUploader(4 * 4 * 16)
	up.Send(make([]byte, 16))

	leaf, store := s.Ones(2, 3).RequireGrad(), s.FromBytes(make([]byte, 2*4*4*3), torch.Uint8, 2, 4, 4, 3)
	images := s.Ones(2, 16, 8, 8).ToFormat(torch.ChannelsLast)
	w.add(true, leaf, s.Ones(2, 3), s.FullOf(torch.Float64, .1), leaf.Mul(leaf).Sum(), images, images.Detach().RequireGrad(),
		s.Ones(16, 16, 4, 4).ToFormat(torch.ChannelsLast), s.Ones(16, 16, 8, 8), s.Ones(2, 16, 1, 1), s.Ones(16).RequireGrad(),
		s.Ones(2, 16), s.Ones(2, 4), s.FullOf(torch.Int64, 1, 2, 2), s.FullOf(torch.Int64, 1<<60, 2, 2), s.FullOf(torch.Int64, 0), store, s.Zeros(0, 3), s.FullOf(torch.Float32, 0))
	w.add(false, torch.Tensor{}, gone, kept, sibling, released, f.tensor)
	w.add(true, s, s, root)
	w.add(false, (*torch.Scope)(nil), &torch.Scope{}, closed, sealed, sibling.Scope(), f.scope)
	w.add(true, s.NewGenerator(1))
	w.add(false, (*torch.Generator)(nil), &torch.Generator{}, drawn, f.generator)
	w.add(true, up)
	w.add(false, (*torch.Uploader)(nil), &torch.Uploader{}, freed, lost)
	w.add(true, script)
	w.add(false, (*torch.Script)(nil), &torch.Script{}, freedScript, lostScript)
	w.add(true, root.Event())
	w.add(false, (*torch.Event)(nil), &torch.Event{}, event)
	w.add(false, (*torch.Graph)(nil), &torch.Graph{})
	w.add(true, &torch.Error{})
	w.add(false, (*torch.Comm)(nil), &torch.Comm{})
	if c := alone(); c != nil {
		w.add(true, c)
	}
	w.add(true, time.Second)
	w.add(false, time.Duration(-1))
	meets, nowhere := reflect.TypeFor[torch.Rendezvous](), meeting{values: map[string][]byte{}}
	w.good[meets] = []reflect.Value{reflect.ValueOf(newMeeting())}
	w.bad[meets] = []reflect.Value{reflect.ValueOf(nowhere), reflect.Zero(meets)}

	w.add(true, 0, 1, 1, 2, 3, 4, 8, 16)
	w.add(false, -1, -7, 99, 1<<40, math.MaxInt, math.MinInt)
	w.add(true, int64(0), int64(1))
	w.add(false, int64(-1), int64(2), int64(math.MaxInt64))
	w.add(true, uint64(7))
	w.add(true, .5, 1., 0., 2.)
	w.add(false, -1., math.NaN(), math.Inf(1), 1e300)
	w.add(true, float32(1), byte(1), true, false)
	w.add(true, torch.Float32, torch.Float64, torch.Int64, torch.Uint8)
	w.add(false, torch.DType(99), torch.DType(-1))
	w.add(true, torch.Contiguous, torch.ChannelsLast)
	w.add(false, torch.Format(99), torch.Format(-1))
	w.add(true, torch.ZeroBorder, torch.ReflectBorder, torch.MeanLoss, torch.SumLoss)
	w.add(false, torch.Border(-1), torch.Border(99), torch.LossReduction(99))
	w.add(true, torch.CPU)
	w.add(false, torch.Device{CUDA: true, Index: -1}, torch.Device{CUDA: true, Index: 1 << 20}, torch.Device{Index: 1 << 20})
	w.add(true, torch.ConvStock, torch.BestConv())
	w.add(false, torch.ConvKernels(3), torch.ConvKernels(99), torch.ConvKernels(-1))
	w.add(true, torch.Math{})
	w.add(true, torch.Option(torch.NoGrad), torch.Option(torch.Eval), torch.Option(torch.BF16), torch.Threads(1), torch.Of(torch.Float64),
		torch.Part(torch.Share{First: 1, Count: 2, Of: 4}))
	w.add(false, torch.Threads(-1), torch.Threads(1<<30), torch.On(torch.Device{CUDA: true, Index: -1}), torch.Of(99), torch.Layout(99),
		torch.Convolutions(99, true), torch.Part(torch.Share{Of: 1}), torch.Part(torch.Share{First: -1, Count: 1}))
	w.add(true, "gloo", "cpu", "def forward(self, x):\n    return x\n", "a", "a.b", filepath.Join(w.dir, "file"))
	w.add(false, "", "cuda:-1", "def", ".", "a..b", filepath.Join(w.dir, "no", "file"), w.dir, "/dev/full")
	w.add(true, func() {}, func() { s.Ones(2).Exp() })
	w.add(true, func(shape ...int) torch.Tensor { return s.Zeros(shape...) })
	w.add(false, func() { s.Ones(2).MatMul(s.Ones(3)) }, root.Close)
	w.add(true, new(error))
	w.add(true, make([]byte, 24), make([]byte, 16), make([]byte, 5056))
	return w
}

// one is a process alone, as a world; nil where there is no gloo. It is made again once a call has closed it.
var one *torch.Comm

func alone() *torch.Comm {
	if one == nil || one.Check() != nil {
		one, _ = torch.NewComm("gloo", torch.CPU, 0, 1, newMeeting(), time.Second)
	}
	return one
}

func (w *world) add(good bool, values ...any) {
	pool := w.bad
	if good {
		pool = w.good
	}
	for _, v := range values {
		pool[reflect.TypeOf(v)] = append(pool[reflect.TypeOf(v)], reflect.ValueOf(v))
	}
}

// args are arguments for a function of type f: the receiver first, a variadic one last and spread out.
func (w *world) args(f reflect.Type) []reflect.Value {
	var args []reflect.Value
	for i := range f.NumIn() {
		if i == f.NumIn()-1 && f.IsVariadic() {
			list := w.pick(f.In(i))
			for k := range list.Len() {
				args = append(args, list.Index(k))
			}
			break
		}
		args = append(args, w.pick(f.In(i)))
	}
	return args
}

// pick is a value of a type: five times in six of those that are right where there are any.
func (w *world) pick(of reflect.Type) reflect.Value {
	good, bad := w.good[of], w.bad[of]
	switch {
	case len(bad) > 0 && (len(good) == 0 || w.r.IntN(6) == 0):
		return bad[w.r.IntN(len(bad))]
	case len(good) > 0 && (of.Kind() != reflect.Slice || w.r.IntN(2) == 0):
		return good[w.r.IntN(len(good))]
	}
	made := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			made.Field(i).Set(w.pick(of.Field(i).Type))
		}
	case reflect.Array:
		for i := range of.Len() {
			made.Index(i).Set(w.pick(of.Elem()))
		}
	case reflect.Slice:
		n := w.r.IntN(5)
		if of.Elem().Kind() == reflect.Int && w.r.IntN(20) == 0 {
			n = 70 // of ones: more dims than libtorch has
		}
		for range n {
			v := w.pick(of.Elem())
			if n == 70 {
				v = reflect.ValueOf(1)
			}
			made = reflect.Append(made, v)
		}
	default:
		panic("no " + of.String() + " to pick")
	}
	return made
}
