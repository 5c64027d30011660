package trainer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"forger/gan/checkpoint"
	"forger/gan/gantest"
	"forger/gan/method"
	"forger/internal/setting"
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

// captureWith captures the step that comes first.
func captureWith(tr *Trainer, keep capturer) error {
	tr.keep, tr.graphs = keep, map[int]*captured{}
	_, err := tr.graphFor(tr.m.Variant(tr.step))
	return err
}

// stateOf takes all that the run is made of.
func stateOf(t *testing.T, tr *Trainer) *pt.Dict {
	t.Helper()
	root, err := tr.tree(new(checkpoint.Snapshot).Take)
	require.NoError(t, err)
	root.Set("config", "")
	return root
}

func steps(t *testing.T, tr *Trainer, n int) {
	t.Helper()
	for range n {
		require.NoError(t, tr.TrainStep(t.Context()))
	}
}

// variants are runs that differ in what a step keeps: optimizers, averages, streams, sizes of batches.
var variants = map[string]func(t *testing.T, c *config){
	"adam":                  func(*testing.T, *config) {},
	"average":               func(_ *testing.T, c *config) { c.Method.EMA = .9 },
	"sgd":                   func(_ *testing.T, c *config) { c.Method.Optim = "sgd" },
	"sgd with momentum":     func(_ *testing.T, c *config) { c.Method.Optim, c.Method.Momentum, c.Method.LR = "sgd", .9, 1e-2 },
	"rmsprop with momentum": func(_ *testing.T, c *config) { c.Method.Optim, c.Method.Momentum = "rmsprop", .5 },
	"dropout":               func(t *testing.T, c *config) { withDropout(t); c.Method.Model.Name = "dropout" },
	"uniform, minimax, 3 to 1": func(_ *testing.T, c *config) {
		c.Method.Prior, c.Method.Loss, c.Method.DiscSteps = "uniform", "minimax", 3
	},
	"smaller last batches":      func(t *testing.T, c *config) { c.Data.Spec = "folder:" + gantest.Pictures(t, 21) },
	"3 to 1, smaller last":      func(t *testing.T, c *config) { c.Data.Spec, c.Method.DiscSteps = "folder:"+gantest.Pictures(t, 21), 3 },
	"fewer images than a batch": func(t *testing.T, c *config) { c.Data.Spec = "folder:" + gantest.Pictures(t, 5) },
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
			onTrainer(t, c, func(tr *Trainer) {
				before = stateOf(t, tr)
				steps(t, tr, 7)
				want = stateOf(t, tr)
			})
			var g standIn
			onTrainer(t, c, func(tr *Trainer) {
				require.NoError(t, captureWith(tr, g.keep))
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
	onTrainer(t, c, func(tr *Trainer) {
		m, taken := tr.m, 0
		tr.m = tapped{m, func(s *torch.Scope, batches []method.Batch, variant int) {
			taken++
			m.Step(s, batches, variant)
		}}
		var g standIn
		live := tr.root.Live()
		require.NoError(t, captureWith(tr, g.keep))
		assert.Equal(t, warmUps, taken)
		assert.Equal(t, live+2, tr.root.Live(), "the graph's batches alone")
		steps(t, tr, 3)
		assert.Equal(t, live+2, tr.root.Live())
		tr.parts.Enter = func(string) {}
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
	onTrainer(t, c, func(tr *Trainer) {
		steps(t, tr, 9)
		want = stateOf(t, tr)
	})
	var r Resolved
	onTrainer(t, c, func(tr *Trainer) {
		require.NoError(t, captureWith(tr, new(standIn).keep))
		steps(t, tr, 4)
		root, err := tr.tree(checkpoint.OnDemand)
		require.NoError(t, err)
		require.NoError(t, pt.WriteFile(path, root))
		r = tr.resolved
	})
	for _, graph := range []bool{true, false} {
		file, err := pt.Open(path)
		require.NoError(t, err)
		p, err := prepare(c.job(), &Origin{path: path, file: file, resolved: &r})
		require.NoError(t, err)
		tr, err := p.trainer(t.Context())
		require.NoError(t, err)
		if graph {
			require.NoError(t, captureWith(tr, new(standIn).keep))
		}
		steps(t, tr, 5)
		assert.Empty(t, differences("", want, stateOf(t, tr)), "graph %v", graph)
		tr.Close()
		p.from.Close()
		require.NoError(t, p.ds.Close())
	}
}

// A capture that fails, in its warm-up or after it, leaves the run as it was: it trains on without.
func TestACaptureThatFails(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph = "off"
	var want *pt.Dict
	onTrainer(t, c, func(tr *Trainer) {
		steps(t, tr, 4)
		want = stateOf(t, tr)
	})
	// Step number at leaves gradients, and fails before it is done.
	half := func(tr *Trainer, keep capturer, at int) error {
		m, n := tr.m, 0
		defer func() { tr.m = m }()
		tr.m = tapped{m, func(s *torch.Scope, batches []method.Batch, variant int) {
			if n++; n == at {
				disc := tr.parts.Nets[1].Module
				tr.parts.Optimizers[1].Accumulate(disc.Forward(s.Child(torch.WithGrad).Ones(2, 1, 16, 16)).Sum())
				s.Zeros(2).Add(s.Zeros(3))
			}
			m.Step(s, batches, variant)
		}}
		return captureWith(tr, keep)
	}
	runsBody := func(body func(), _ ...*torch.Generator) (_ replayer, err error) {
		defer torch.Catch(&err)
		body()
		return nil, errors.New("no failure")
	}
	for name, fail := range map[string]func(tr *Trainer) error{
		"refused": func(tr *Trainer) error {
			return captureWith(tr, func(func(), ...*torch.Generator) (replayer, error) { return nil, errors.New("no") })
		},
		"in the warm-up": func(tr *Trainer) error { return half(tr, new(standIn).keep, 2) },
		"in the capture": func(tr *Trainer) error { return half(tr, runsBody, warmUps+1) },
	} {
		onTrainer(t, c, func(tr *Trainer) {
			undo := tr.mark()
			live := tr.root.Live()
			require.Error(t, fail(tr), name)
			assert.Nil(t, tr.graphs[0], name)
			assert.Equal(t, live, tr.root.Live(), name)
			s := tr.root.Child()
			for _, n := range tr.parts.Nets {
				for _, p := range nn.Parameters(n.Module) {
					assert.False(t, s.Gradient(p).Valid(), "%s: a gradient of %s is left", name, n.Key)
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
	onTrainer(t, c, func(tr *Trainer) {
		assert.Equal(t, "off", tr.resolved.Graph)
		p := &setup{job: c.job(), from: &Origin{}}
		require.NoError(t, p.captureStep(tr))
		assert.Empty(t, p.from.notes, "nothing was asked of the CPU")
		tr.resolved.Graph = "on"
		require.NoError(t, p.captureStep(tr))
		assert.Equal(t, []string{"graph: torch: capture: a graph needs a CUDA device, and the scope is on cpu: running without"}, p.from.notes)
		assert.Equal(t, "off", tr.resolved.Graph)
		tr.resolved.Graph, p.job.Graph, tr.job.Graph = "on", "on", "on"
		tr.graphs = map[int]*captured{}
		assert.ErrorContains(t, p.captureStep(tr), "--graph on: the step cannot be captured: torch: capture: a graph needs")
		tr.keep = nil
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
		p := &setup{job: Job{Options: Options{Graph: want.asked}}, from: &Origin{}, dev: want.dev}
		if want.resumed {
			p.from.resolved = new(Resolved)
		}
		is, err := p.graph()
		assert.Equal(t, want.is, is, want)
		if want.err != "" {
			assert.EqualError(t, err, want.err)
			continue
		}
		assert.NoError(t, err, want)
	}
	for _, bad := range []func(*config){
		func(c *config) { c.Run.Graph = "yes" }, func(c *config) { c.Run.Graph, c.Run.Device = "on", "cpu" },
	} {
		c := defaults()
		bad(&c)
		var usage *setting.UsageError
		assert.ErrorAs(t, errors.Join(c.settings().Check(), c.Run.Check()), &usage)
	}
	c := tinyConfig(t)
	c.Run.Device = "cpu"
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(c.Run.Out, "config.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "\ngraph: auto\n")
	assert.Contains(t, string(text), "\n  graph: \"off\"\n")
}

// A step that takes several forms has a graph for each, captured when it is first met, and is the step without.
func TestEachFormHasAGraphOfItsOwn(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph = "off"
	forms := func(tr *Trainer) {
		m := tr.m
		tr.m = alternating{tapped{m, func(s *torch.Scope, batches []method.Batch, variant int) {
			for range variant + 1 {
				m.Step(s, batches, variant)
			}
		}}}
	}
	var want *pt.Dict
	onTrainer(t, c, func(tr *Trainer) {
		forms(tr)
		steps(t, tr, 7)
		want = stateOf(t, tr)
	})
	onTrainer(t, c, func(tr *Trainer) {
		forms(tr)
		var made []*standIn
		tr.keep = func(body func(), streams ...*torch.Generator) (replayer, error) {
			made = append(made, &standIn{})
			return made[len(made)-1].keep(body, streams...)
		}
		steps(t, tr, 7)
		require.Len(t, made, 2)
		assert.Equal(t, []int{5, 2}, []int{made[0].replays, made[1].replays})
		assert.Empty(t, differences("", want, stateOf(t, tr)))
	})
}

// alternating takes its second form at every third step.
type alternating struct{ tapped }

func (alternating) Variant(step int64) int {
	if step%3 == 2 {
		return 1
	}
	return 0
}
