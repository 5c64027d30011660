package setting

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDidYouMean(t *testing.T) {
	names := []string{"data", "size", "latent", "lr", "beta1", "batch", "steps", "epochs", "seed", "out", "npy", "workers", "gen-width", "disc-width", "device"}
	for word, want := range map[string]string{
		"learning_rate": "lr", "learning-rate": "lr", "bacth": "batch", "batch_size": "batch", "num-workers": "workers", "nz": "latent",
		"ngf": "gen-width", "ndf": "disc-width", "dataroot": "data", "outf": "out", "manualSeed": "seed", "imageSize": "size", "niter": "epochs",
		"max_steps": "steps", "beta_1": "beta1", "SEED": "seed", "z-dim": "latent", "gpu": "device", "see": "seed", "genwidth": "gen-width",
	} {
		assert.Equal(t, ": did you mean --"+want+"?", DidYouMean(word, names, "--"), word)
	}
	for _, word := range []string{"verbose", "x", "", "fp16", "wandb-project", "port", "nope"} {
		assert.Empty(t, DidYouMean(word, names, ""), word)
	}
	assert.Empty(t, DidYouMean("lr", nil, ""))
}
