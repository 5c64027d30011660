package trainer

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/gan/method"
	"forger/torch"
	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is captured waits for nothing, reads nothing back and takes nothing from the host, whatever a run is set to: the step
// is rehearsed in each of its forms.
func TestACapturedStepAsksTheHostForNothing(t *testing.T) {
	for name, change := range everything() {
		t.Run(name, func(t *testing.T) {
			c := tinyConfig(t)
			c.Run.Graph = "off"
			change(t, &c)
			ran := 0
			_, err := Borrow(t.Context(), c.job(), func(tr *Trainer) error {
				seen := map[int]bool{}
				for step := range int64(32) {
					variant := tr.m.Variant(step)
					if seen[variant] {
						continue
					}
					seen[variant] = true
					s := tr.root.Child()
					batches := tr.blanks(s, data.Rows{Count: 4, Of: 4})
					tr.parts.Turn(step, tr.totalSteps())
					assert.NoError(t, tr.root.Rehearse(func() { tr.m.Step(s, batches, variant) }), "variant %d", variant)
					s.Close()
					ran++
				}
				return tr.Finite()
			})
			if strings.HasPrefix(name, "model ") || strings.HasPrefix(name, "method ") {
				if err != nil && ran == 0 {
					t.Skip("NOT TESTED: it needs more settings than its name: " + err.Error())
				}
			}
			require.NoError(t, err)
			assert.NotZero(t, ran)
		})
	}
}

// everything is the variants, and a run for each word that a setting of what is trained takes.
func everything() map[string]func(t *testing.T, c *config) {
	all := maps.Clone(variants)
	c := defaults()
	for _, row := range c.Method.Settings() {
		for _, word := range row.Words {
			all[row.Name+" "+word.Word] = func(t *testing.T, c *config) {
				r, ok := c.Method.Settings().Find(row.Name)
				require.True(t, ok)
				require.NoError(t, r.Parse(word.Word))
			}
		}
	}
	return all
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
		graphs := &standIns{}
		tr.keep = graphs.keep
		steps(t, tr, 7)
		assert.Equal(t, []int{5, 2}, graphs.replays())
		assert.Empty(t, differences("", want, stateOf(t, tr)))
	})
}

// There are only so many graphs: the forms met after them run operation by operation, and the run is the same.
func TestTheNumberOfGraphsIsBounded(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph = "off"
	var want *pt.Dict
	onTrainer(t, c, func(tr *Trainer) {
		tr.m = everNew{tr.m}
		steps(t, tr, mostGraphs+3)
		want = stateOf(t, tr)
	})
	onTrainer(t, c, func(tr *Trainer) {
		tr.m = everNew{tr.m}
		graphs := withStandIns(t, tr)
		steps(t, tr, mostGraphs+3)
		assert.Len(t, graphs.made, mostGraphs)
		assert.Empty(t, differences("", want, stateOf(t, tr)))
	})
}

// everNew takes another form at every step.
type everNew struct{ method.Method }

func (everNew) Variant(step int64) int { return int(step) }

// A form met later that cannot be captured is told of once, and runs without; where the graph was asked for it ends the run.
func TestALaterFormThatCannotBeCaptured(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Graph, c.Data.Spec = "off", "folder:"+gantest.Pictures(t, 21)
	onTrainer(t, c, func(tr *Trainer) {
		graphs := withStandIns(t, tr)
		tr.keep = func(func(), ...*torch.Generator) (replayer, error) { return nil, errors.New("no") }
		var told []string
		tr.warn = func(text string) { told = append(told, text) }
		steps(t, tr, 7)
		assert.Equal(t, []string{"graph: batches of [5]: no: they run without"}, told)
		assert.Equal(t, []int{5}, graphs.replays())
		tr.graphs, tr.job.Graph = map[form]*captured{}, "on"
		assert.EqualError(t, tr.TrainStep(t.Context()), "--graph on: the step cannot be captured: no: use --graph auto")
	})
}

// A graph is given the streams that its step draws from, and no other.
func TestAGraphHasTheStreamsOfItsStep(t *testing.T) {
	for name, uses := range map[string][]string{"adam": {"noise"}, "dropout": {"noise", "dropout"}} {
		c := tinyConfig(t)
		c.Run.Graph = "off"
		variants[name](t, &c)
		onTrainer(t, c, func(tr *Trainer) {
			var drawn []string
			for _, g := range withStandIns(t, tr).made[0].drawn {
				for _, s := range tr.parts.Streams {
					if s.Generator == g {
						drawn = append(drawn, s.Use)
					}
				}
			}
			assert.Equal(t, uses, drawn, name)
		})
	}
}

// alternating takes its second form at every third step.
type alternating struct{ tapped }

func (alternating) Variant(step int64) int {
	if step%3 == 2 {
		return 1
	}
	return 0
}
