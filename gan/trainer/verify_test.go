package trainer

import (
	"testing"

	"forger/torch/pt"

	"github.com/stretchr/testify/assert"
)

// The proof would find a state that is not restored.
func TestVerifyFindsADifference(t *testing.T) {
	a, b := pt.NewDict(), pt.NewDict()
	for i, d := range []*pt.Dict{a, b} {
		d.Set("generator", pt.Of([]float32{1, float32(2 + i)}))
		d.Set("step", int64(7+i))
		d.Set("seconds", float64(i))
	}
	assert.NoError(t, sameValues(a, a))
	assert.ErrorContains(t, sameValues(a, b), "2 values differ after the resume:  generator,  step")
}
