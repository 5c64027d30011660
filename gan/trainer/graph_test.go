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

// standIns are graphs that run their bodies operation by operation, on any device.
type standIns struct{ made []*standIn }

type standIn struct {
	body    func()
	drawn   []*torch.Generator
	replays int
	freed   bool
}

func (g *standIn) Replay() { g.replays++; g.body() }
func (g *standIn) Free()   { g.freed = true }

func (all *standIns) keep(body func(), drawn ...*torch.Generator) (replayer, error) {
	g := &standIn{body: body, drawn: drawn}
	all.made = append(all.made, g)
	return g, nil
}

// replays is how often each was run.
func (all *standIns) replays() (each []int) {
	for _, g := range all.made {
		each = append(each, g.replays)
	}
	return each
}

// captureWith captures the step that comes first.
func captureWith(tr *Trainer, keep capturer) error {
	tr.keep, tr.graphs = keep, map[form]*captured{}
	return tr.captureFirst()
}

// withStandIns is captureWith for graphs that any device has.
func withStandIns(t *testing.T, tr *Trainer) *standIns {
	t.Helper()
	all := &standIns{}
	require.NoError(t, captureWith(tr, all.keep))
	return all
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
	"vae, drawn binarisation":   func(_ *testing.T, c *config) { c.Method.Method, c.Data.Channels, c.Method.EMA = "vae", 1, .9 },
	"pixelcnn, drawn binarisation": func(_ *testing.T, c *config) {
		c.Method.Method, c.Method.Model.Name, c.Method.Model.Depth, c.Data.Channels, c.Method.EMA = "pixelcnn", "masked", 1, 1, .9
	},
	"gated, colour": func(_ *testing.T, c *config) {
		c.Method.Method, c.Method.Model.Name, c.Method.Model.Depth, c.Method.Model.Gated = "pixelcnn", "masked", 1, true
	},
}

// replays are how many of 7 steps each graph runs, where there are several: 21 images are batches of 8, 8 and 5. A step of
// three of them has the smaller one at another place each time, but begins at the same.
var replays = map[string][]int{"smaller last batches": {5, 2}, "3 to 1, smaller last": {0, 7}}

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
			var graphs *standIns
			onTrainer(t, c, func(tr *Trainer) {
				graphs = withStandIns(t, tr)
				assert.Empty(t, differences("", before, stateOf(t, tr)), "the warm-up is undone")
				steps(t, tr, 7)
				assert.Empty(t, differences("", want, stateOf(t, tr)))
				expected, known := replays[name]
				if !known {
					expected = []int{7}
				}
				assert.Equal(t, expected, graphs.replays())
			})
			for _, g := range graphs.made {
				assert.True(t, g.freed)
			}
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
		live := tr.root.Live()
		graphs := withStandIns(t, tr)
		assert.Equal(t, warmUps, taken)
		assert.Equal(t, live+2, tr.root.Live(), "the graph's batches alone")
		steps(t, tr, 3)
		assert.Equal(t, live+2, tr.root.Live())
		tr.parts.Enter = func(string) {}
		steps(t, tr, 1)
		assert.Equal(t, []int{3}, graphs.replays(), "measured parts are run one by one")
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
		withStandIns(t, tr)
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
			withStandIns(t, tr)
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
		"in the warm-up": func(tr *Trainer) error { return half(tr, new(standIns).keep, 2) },
		"in the capture": func(tr *Trainer) error { return half(tr, runsBody, warmUps+1) },
	} {
		onTrainer(t, c, func(tr *Trainer) {
			undo := tr.mark()
			live := tr.root.Live()
			require.Error(t, fail(tr), name)
			for _, g := range tr.graphs {
				assert.Nil(t, g, name)
			}
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
		tr.graphs = map[form]*captured{}
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
