package method

import (
	"fmt"
	"strings"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ten steps of every way to learn the labels agree with PyTorch's: losses, scores, accuracies, penalties, and in the end every
// tensor under the keys that the networks have there.
func TestTenConditionalStepsAsPyTorch(t *testing.T) {
	var golden struct {
		Classes int
		Runs    map[string]training
	}
	torchtest.Golden(t, "testdata/labels.json", &golden)
	require.Len(t, golden.Runs, 9)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for name, want := range golden.Runs {
			want.Classes = golden.Classes
			g := rerun(t, s.Child(), want, len(want.Log), func(step int, line []float64) {
				torchtest.Close(t, want.Log[step], line, 1e-9, 1e-9, fmt.Sprint(name, ": step ", step))
			})
			seen := 0
			for prefix, m := range map[string]nn.Module{"gen.": g.gen, "disc.": g.disc} {
				for _, e := range nn.Entries(m) {
					key := prefix + strings.TrimPrefix(e.Name, "main.")
					require.Contains(t, want.State, key, name)
					torchtest.Close(t, want.State[key], few(e.Tensor.Doubles()), 1e-9, 1e-9, name+": "+key)
					seen++
				}
			}
			assert.Len(t, want.State, seen, name)
		}
	}, torch.Of(torch.Float64))
}
