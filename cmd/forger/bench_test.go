package main

import (
	"strings"
	"testing"

	"forger/gan/bench"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The parts of a step are not those of its graph, and the report says so, to people and to programs.
func TestBenchSaysWhatItsPartsAreOf(t *testing.T) {
	r := bench.Result{Windows: []float64{1}, Phases: []string{"upload"}, Split: map[string]float64{"upload": 1}}
	for _, graph := range []bool{false, true} {
		r.SplitEager = graph
		var text, report strings.Builder
		require.NoError(t, describeBench(&text, r))
		assert.Equal(t, graph, strings.Contains(text.String(), "run operation by operation"))
		require.NoError(t, encodeReport(&report, []bench.Result{r}))
		assert.Equal(t, graph, strings.Contains(report.String(), `"split_eager": true`))
	}
}
