package gan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/gan/trainer"
	"forger/torch"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// convRun trains 3 steps wide enough for filtering, and returns the directory and who computed the convolutions.
func convRun(t *testing.T, conv string) (dir, by string) {
	t.Helper()
	c := tinyConfig(t)
	c.Run.Conv, c.Run.Device, c.Data.Size, c.Method.Model.GenWidth, c.Method.Model.DiscWidth, c.Run.Steps = conv, "cpu", vision.Square(32), 16, 16, 3
	var r gantest.Recorder
	_, err := train(t, context.Background(), c, &r)
	require.NoError(t, err)
	return c.Run.Out, resolvedBy(t, c.Run.Out).Conv
}

func lossOf(t *testing.T, dir string) float64 {
	t.Helper()
	res, err := resume(t, dir, &gantest.Recorder{}, "steps", "4")
	require.NoError(t, err)
	return gantest.LeftBy(t, res).Metrics[0]["loss_g"].(float64)
}

func TestConvChoosesWhoComputes(t *testing.T) {
	best := map[string]string{}
	losses := map[string]float64{}
	for _, conv := range []string{"auto", "fast", "stock"} {
		dir, by := convRun(t, conv)
		best[conv], losses[conv] = by, lossOf(t, dir)
	}
	name := torch.BestConv().String()
	assert.Equal(t, map[string]string{"auto": name, "fast": name, "stock": "stock"}, best)
	if torch.BestConv() != torch.ConvStock {
		assert.NotEqual(t, losses["stock"], losses["fast"], "the last bits of other kernels")
	}
	assert.InDelta(t, losses["stock"], losses["fast"], .1)
}

// Also on a processor that has better ones: they would change the bits.
func TestAResumeKeepsTheConvolutions(t *testing.T) {
	dir, by := convRun(t, "auto")
	if by != "avx512" {
		t.Skip("this processor has no AVX-512, or not even AVX2: there is nothing better to prefer")
	}
	path := filepath.Join(dir, "config.yaml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), "conv: avx512\n")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "conv: avx512", "conv: avx2", 1)), 0o644))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoints"))) // so that it goes on from config.yaml
	var r gantest.Recorder
	_, err = resume(t, dir, &r)
	require.NoError(t, err)
	assert.Equal(t, "avx2", resolvedBy(t, dir).Conv)
}

// resolvedBy is what the run in a directory decided.
func resolvedBy(t *testing.T, dir string) *trainer.Resolved {
	t.Helper()
	c := DefaultConfig()
	_, text, err := c.Settings().ReadFile(filepath.Join(dir, "config.yaml"))
	require.NoError(t, err)
	r, err := trainer.ParseResolved(text)
	require.NoError(t, err)
	return r
}
