package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Metrics beyond the checkpoint, and a line that a kill cut off, are written anew.
func TestLinesBeyondTheCheckpointAreDropped(t *testing.T) {
	text := "{\"step\":2}\n{\"step\":4}\n{\"step\":6}\n"
	assert.Equal(t, "{\"step\":2}\n{\"step\":4}\n", string(upTo([]byte(text), 5)))
	assert.Equal(t, text, string(upTo([]byte(text), 6)))
	assert.Equal(t, text, string(upTo([]byte(text+"{\"step\":7,\"ima"), 9)))
	assert.Empty(t, upTo(nil, 9))
}
