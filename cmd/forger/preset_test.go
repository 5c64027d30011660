package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The order is flag, variable, file, preset, default, wherever the preset itself was given; --help shows what it sets.
func TestPreset(t *testing.T) {
	dir := t.TempDir()
	o := forger(t, dir, nil, "train", "--preset", "sngan", "--help")
	assert.Equal(t, 0, o.code)
	for _, line := range []string{"--preset sngan: Miyato et al. 2018", "  --loss=hinge\n", "  --spectral-norm=true\n", "--disc-steps int"} {
		assert.Contains(t, o.out, line)
	}
	o = forger(t, dir, nil, "train", "--preset", "biggan")
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.errout, `--preset "biggan": unknown: have dcgan`)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.yaml"), []byte("beta1: .3\nlr: 1\noptim: adam\npreset: wgan\n"), 0o644))
	o = forger(t, dir, []string{"FORGER_LR=2", "FORGER_DISC_STEPS=2"},
		append([]string{"train", "--quiet", "--config", "c.yaml", "--out", "run", "--steps", "1", "--disc-steps", "1"}, small...)...)
	require.Equal(t, 0, o.code, o.errout)
	text, err := os.ReadFile(filepath.Join(dir, "run", "config.yaml"))
	require.NoError(t, err)
	for _, line := range []string{"disc-steps: 1\n", "lr: 2.0\n", "beta1: 0.3\n", "optim: adam\n", "loss: wasserstein\n", "- clip=.01\n"} {
		assert.Contains(t, string(text), line)
	}
}
