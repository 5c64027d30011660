package trainer

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// standIn is a graph that runs its body operation by operation, on any device.
type standIn struct {
	body    func()
	replays int
	freed   bool
}

func (g *standIn) Replay() { g.replays++; g.body() }
func (g *standIn) Free()   { g.freed = true }

func (g *standIn) keep(body func(), _ ...*torch.Generator) (replayer, error) {
	g.body = body
	return g, nil
}

// stateOf takes all that the run is made of.
func stateOf(t *testing.T, tr *trainer) *pt.Dict {
	t.Helper()
	root, err := tr.checkpoint(new(snapshot).take)
	require.NoError(t, err)
	root.Set("config", "")
	return root
}

func steps(t *testing.T, tr *trainer, n int) {
	t.Helper()
	for range n {
		require.NoError(t, tr.trainStep(t.Context()))
	}
}

// variants are runs that differ in what a step keeps: optimizers, averages, streams, sizes of batches.
var variants = map[string]func(t *testing.T, c *Config){
	"adam":                  func(*testing.T, *Config) {},
	"average":               func(_ *testing.T, c *Config) { c.Method.EMA = .9 },
	"sgd":                   func(_ *testing.T, c *Config) { c.Method.Optim = "sgd" },
	"sgd with momentum":     func(_ *testing.T, c *Config) { c.Method.Optim, c.Method.Momentum, c.Method.LR = "sgd", .9, 1e-2 },
	"rmsprop with momentum": func(_ *testing.T, c *Config) { c.Method.Optim, c.Method.Momentum = "rmsprop", .5 },
	"dropout":               func(t *testing.T, c *Config) { withDropout(t); c.Method.Model.Name = "dropout" },
	"uniform, minimax, 3 to 1": func(_ *testing.T, c *Config) {
		c.Method.Prior, c.Method.Loss, c.Method.DiscSteps = "uniform", "minimax", 3
	},
	"smaller last batches":      func(t *testing.T, c *Config) { c.Data.Spec = "folder:" + gantest.Pictures(t, 21) },
	"3 to 1, smaller last":      func(t *testing.T, c *Config) { c.Data.Spec, c.Method.DiscSteps = "folder:"+gantest.Pictures(t, 21), 3 },
	"fewer images than a batch": func(t *testing.T, c *Config) { c.Data.Spec = "folder:" + gantest.Pictures(t, 5) },
}

// replays is how many of 7 steps have full batches alone.
var replays = map[string]int{"smaller last batches": 5, "3 to 1, smaller last": 0}

// The graph's step is the step, to the bit: its warm-up leaves nothing behind, its batches are the feed's.
func TestACapturedStepIsTheStep(t *testing.T) {
	for name, change := range variants {
		t.Run(name, func(t *testing.T) {
			c := tinyConfig(t)
			c.Run.Graph = "off"
			change(t, &c)
			var before, want *pt.Dict
			onTrainer(t, c, func(tr *trainer) {
				before = stateOf(t, tr)
				steps(t, tr, 7)
				want = stateOf(t, tr)
			})
			var g standIn
			onTrainer(t, c, func(tr *trainer) {
				require.NoError(t, tr.capture(g.keep))
				assert.Empty(t, differences("", before, stateOf(t, tr)), "the warm-up is undone")
				steps(t, tr, 7)
				assert.Empty(t, differences("", want, stateOf(t, tr)))
				expected, known := replays[name]
				if !known {
					expected = 7
				}
				assert.Equal(t, expected, g.replays)
			})
			assert.True(t, g.freed)
		})
	}
}

// The warm-up takes place, in every network, and a step leaves no tensors behind.
func TestTheWarmUpTakesSteps(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph, c.Method.DiscSteps = "off", 2
	onTrainer(t, c, func(tr *trainer) {
		draw, drawn := tr.st.draw, 0
		tr.st.draw = func(s *torch.Scope, n int) torch.Tensor {
			drawn++
			return draw(s, n)
		}
		var g standIn
		live := tr.root.Live()
		require.NoError(t, tr.capture(g.keep))
		assert.Equal(t, warmUps*2, drawn)
		assert.Equal(t, live+2, tr.root.Live(), "the graph's batches alone")
		steps(t, tr, 3)
		assert.Equal(t, live+2, tr.root.Live())
		tr.st.enter = func(phase) {}
		steps(t, tr, 1)
		assert.Equal(t, 3, g.replays, "measured parts are run one by one")
	})
}

// N steps, a checkpoint, and M more from it are N+M steps, with graphs on both sides or on one.
func TestAResumeWithGraphs(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph, c.Data.Spec, c.Method.EMA, c.Method.Optim, c.Method.Momentum = "off", "folder:"+gantest.Pictures(t, 21), .9, "sgd", .5
	path := filepath.Join(t.TempDir(), "checkpoint.pt")
	var want *pt.Dict
	onTrainer(t, c, func(tr *trainer) {
		steps(t, tr, 9)
		want = stateOf(t, tr)
	})
	var r Resolved
	onTrainer(t, c, func(tr *trainer) {
		require.NoError(t, tr.capture(new(standIn).keep))
		steps(t, tr, 4)
		root, err := tr.checkpoint(onDemand)
		require.NoError(t, err)
		require.NoError(t, pt.WriteFile(path, root))
		r = tr.resolved
	})
	for _, graph := range []bool{true, false} {
		o := origin{cfg: c.filled(), path: path, resolved: &r}
		ds, err := o.cfg.open()
		require.NoError(t, err)
		dev, _, err := OpenDevice(c.Run.Device)
		require.NoError(t, err)
		o.file, err = pt.Open(path)
		require.NoError(t, err)
		tr, err := o.trainer(t.Context(), r, ds, dev)
		require.NoError(t, err)
		if graph {
			require.NoError(t, tr.capture(new(standIn).keep))
		}
		steps(t, tr, 5)
		assert.Empty(t, differences("", want, stateOf(t, tr)), "graph %v", graph)
		tr.close()
		o.close()
		require.NoError(t, ds.Close())
	}
}

// A capture that fails, in its warm-up or after it, leaves the run as it was: it trains on without.
func TestACaptureThatFails(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph = "off"
	var want *pt.Dict
	onTrainer(t, c, func(tr *trainer) {
		steps(t, tr, 4)
		want = stateOf(t, tr)
	})
	half := func(tr *trainer, keep capturer, at int) error {
		draw, n := tr.st.draw, 0
		defer func() { tr.st.draw = draw }()
		tr.st.draw = func(s *torch.Scope, k int) torch.Tensor {
			if n++; n == at {
				// The discriminator's gradients are there, the step is not done.
				tr.st.optD.Accumulate(tr.st.disc.Forward(s.Child(torch.WithGrad).Ones(2, 1, 16, 16)).Sum())
				s.Zeros(2).Add(s.Zeros(3))
			}
			return draw(s, k)
		}
		return tr.capture(keep)
	}
	runsBody := func(body func(), _ ...*torch.Generator) (_ replayer, err error) {
		defer torch.Catch(&err)
		body()
		return nil, errors.New("no failure")
	}
	for name, fail := range map[string]func(tr *trainer) error{
		"refused": func(tr *trainer) error {
			return tr.capture(func(func(), ...*torch.Generator) (replayer, error) { return nil, errors.New("no") })
		},
		"in the warm-up": func(tr *trainer) error { return half(tr, new(standIn).keep, 2) },
		"in the capture": func(tr *trainer) error { return half(tr, runsBody, warmUps+1) },
	} {
		onTrainer(t, c, func(tr *trainer) {
			undo := tr.mark()
			live := tr.root.Live()
			require.Error(t, fail(tr), name)
			assert.Nil(t, tr.graph, name)
			assert.Equal(t, live, tr.root.Live(), name)
			s := tr.root.Child()
			for _, n := range tr.networks() {
				for _, p := range nn.Parameters(n.net) {
					assert.False(t, s.Gradient(p).Valid(), "%s: a gradient of %s is left", name, n.key)
				}
			}
			s.Close()
			if name == "in the capture" {
				undo() // a device would have done none of it
			}
			steps(t, tr, 4)
			assert.Empty(t, differences("", want, stateOf(t, tr)), name)
		})
	}
}

// Without a CUDA device a graph that was decided on is told of and done without, or an error where it was asked for.
func TestTheFallbackIsTold(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Device = "cpu"
	onTrainer(t, c, func(tr *trainer) {
		assert.Equal(t, "off", tr.resolved.Graph)
		o := origin{cfg: c}
		require.NoError(t, o.captureStep(tr))
		assert.Empty(t, o.notes, "nothing was asked of the CPU")
		tr.resolved.Graph = "on"
		require.NoError(t, o.captureStep(tr))
		assert.Equal(t, []string{"graph: torch: capture: a graph needs a CUDA device, and the scope is on cpu: running without"}, o.notes)
		assert.Equal(t, "off", tr.resolved.Graph)
		tr.resolved.Graph, o.cfg.Run.Graph = "on", "on"
		assert.ErrorContains(t, o.captureStep(tr), "--graph on: the step cannot be captured: torch: capture: a graph needs")
		steps(t, tr, 1)
	})
}

func TestWhereTheStepIsAGraph(t *testing.T) {
	cuda := torch.Device{CUDA: true}
	for _, want := range []struct {
		asked   string
		dev     torch.Device
		resumed bool
		is, err string
	}{
		{"auto", cuda, false, "on", ""}, {"on", cuda, false, "on", ""}, {"off", cuda, false, "off", ""},
		{"auto", torch.CPU, false, "off", ""}, {"off", torch.CPU, false, "off", ""},
		{"on", torch.CPU, false, "", "--graph on: it needs a CUDA device, and this is cpu: use --graph auto"},
		{"on", torch.CPU, true, "off", ""},
	} {
		o := origin{cfg: Config{Graph: want.asked}}
		if want.resumed {
			o.resolved = new(Resolved)
		}
		is, err := o.graph(want.dev)
		assert.Equal(t, want.is, is, want)
		if want.err != "" {
			assert.EqualError(t, err, want.err)
			continue
		}
		assert.NoError(t, err, want)
	}
	for _, bad := range []func(*Config){
		func(c *Config) { c.Run.Graph = "yes" }, func(c *Config) { c.Run.Graph, c.Run.Device = "on", "cpu" },
	} {
		c := DefaultConfig()
		bad(&c)
		var usage *setting.UsageError
		assert.ErrorAs(t, c.Check(), &usage)
	}
	c := tinyConfig(t)
	c.Run.Device = "cpu"
	var r gantest.Recorder
	_, err := train(t, context.Background(), c, &r)
	require.NoError(t, err)
	assert.Equal(t, "off", r.Start.Resolved.Graph)
	settings, head, err := configFile(filepath.Join(c.Run.Out, "config.yaml"))
	require.NoError(t, err)
	assert.Equal(t, []string{"auto", "off"}, []string{settings.Graph, head.Graph})
}
