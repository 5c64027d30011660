package report

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Metrics beyond the checkpoint, and a line that a kill cut off, are written anew.
func TestLinesBeyondTheCheckpointAreDropped(t *testing.T) {
	text := "{\"step\":2}\n{\"step\":4}\n{\"step\":6}\n"
	assert.Equal(t, "{\"step\":2}\n{\"step\":4}\n", string(upTo([]byte(text), 5)))
	assert.Equal(t, text, string(upTo([]byte(text), 6)))
	assert.Equal(t, text, string(upTo([]byte(text+"{\"step\":7,\"ima"), 9)))
	assert.Empty(t, upTo(nil, 9))
}

// A measure without a figure is null, and ends nothing.
func TestALineSaysNullWhereThereIsNoNumber(t *testing.T) {
	text, err := json.Marshal(Line{Step: 3, Images: 1e7, Epoch: .5, Aside: true, Means: []Mean{{Name: "eval_fid", Value: math.NaN()}, {Name: "x", Value: math.Inf(1)}}})
	require.NoError(t, err)
	assert.Equal(t, `{"step":3,"images":10000000,"epoch":0.5,"eval_fid":null,"x":null}`, string(text))
	text, err = json.Marshal(Line{HostMiB: 1.5})
	require.NoError(t, err)
	assert.Equal(t, `{"step":0,"images":0,"epoch":0,"images_per_second":0,"data_wait":0,"host_mib":1.5,"seconds":0}`, string(text))
}
