package main

import (
	"encoding/json"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smallRun trains a small run in dir, and returns its checkpoint's path there.
func smallRun(t *testing.T, dir string, more ...string) string {
	t.Helper()
	args := append(append([]string{"train", "--quiet", "--steps", "3", "--out", "run"}, small...), more...)
	got := forger(t, dir, nil, args...)
	require.Equal(t, exitDone, got.code, got.errout)
	return "run/checkpoints/latest"
}

func TestCheckpointInfo(t *testing.T) {
	dir := t.TempDir()
	path := smallRun(t, dir, "--ema", ".9")
	got := forger(t, dir, []string{"FORGER_LIB=" + dir}, "checkpoint", "info", path, "--json") // no libtorch
	require.Equal(t, exitDone, got.code, got.errout)
	var info struct {
		Step, Images, Position, Length int64
		Data, Fingerprint              string
		Meta                           map[string]string
		Parts                          []struct{ Name string }
		Config                         map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &info))
	assert.Equal(t, []int64{3, 24, 3, 60000}, []int64{info.Step, info.Images, info.Position, info.Length})
	assert.Equal(t, "glyphs", info.Data)
	assert.NotEmpty(t, info.Fingerprint)
	for _, key := range []string{"version", "revision", "libtorch", "device", "threads", "decoder", "precision", "layout", "conv"} {
		assert.NotEmpty(t, info.Meta[key], key)
	}
	assert.Len(t, info.Parts, 5)
	assert.EqualValues(t, 16, info.Config["size"])
	got = forger(t, dir, nil, "checkpoint", "info", path)
	assert.Contains(t, got.out, "generator_ema")
	assert.Contains(t, got.out, "every one as written")

	data, err := os.ReadFile(filepath.Join(dir, path))
	require.NoError(t, err)
	data = torchtest.Damaged(t, data)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.pt"), data, 0o644))
	got = forger(t, dir, nil, "checkpoint", "info", "broken.pt")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.errout, "forger: checkpoint info: broken.pt: pt: verify: ")
}

// A resume by way of the command line: what was given anew counts, what may not change is a usage error.
func TestResumeOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	smallRun(t, dir)
	got := forger(t, dir, []string{"FORGER_STEPS=5"}, "train", "--resume", "run", "--log-every", "1")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "goes on from step 3")
	assert.Contains(t, got.errout, "done after 5 steps")
	got = forger(t, dir, nil, "train", "--resume", "run", "--beta1", ".9")
	assert.Equal(t, exitUsage, got.code)
	assert.Equal(t, "forger: train: --beta1 0.9 (the run has 0.5): a resumed run goes on with its own settings: leave these away, or start another run\n", got.errout)
	got = forger(t, dir, nil, append([]string{"train", "--verify-resume", "2", "--data", "glyphs"}, small...)...)
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "resume verified")
	assert.NoDirExists(t, filepath.Join(dir, "runs"))
}

func TestPicturesOfACheckpoint(t *testing.T) {
	dir := t.TempDir()
	path := smallRun(t, dir, "--ema", ".9")
	for _, args := range [][]string{
		{"sample", "--out", "many", "--n", "70", "--ema"},
		{"interpolate", "--out", "walk.gif", "--frames", "5"},
		{"interpolate", "--out", "strip.png", "--frames", "4", "--ema"},
		{"export", "--out", "d.onnx", "--net", "discriminator", "--format", "onnx"},
	} {
		got := forger(t, dir, nil, append(args, "--checkpoint", path)...)
		require.Equal(t, exitDone, got.code, got.errout)
	}
	many, err := os.ReadDir(filepath.Join(dir, "many"))
	require.NoError(t, err)
	require.Len(t, many, 70)
	assert.Equal(t, "00069.png", many[69].Name())
	walk, err := os.Open(filepath.Join(dir, "walk.gif"))
	require.NoError(t, err)
	defer walk.Close()
	moving, err := gif.DecodeAll(walk)
	require.NoError(t, err)
	assert.Len(t, moving.Image, 5)
	assert.Equal(t, 4*18+2, moving.Config.Width)
	strip, err := os.Open(filepath.Join(dir, "strip.png"))
	require.NoError(t, err)
	defer strip.Close()
	still, err := png.Decode(strip)
	require.NoError(t, err)
	assert.Equal(t, []int{4*18 + 2, 8*18 + 2}, []int{still.Bounds().Dx(), still.Bounds().Dy()})
	other := t.TempDir()
	plain := filepath.Join(other, smallRun(t, other))
	got := forger(t, dir, nil, "export", "--checkpoint", plain, "--net", "ema", "--format", "pth", "--out", "x")
	assert.Equal(t, exitFailed, got.code)
	assert.NoFileExists(t, filepath.Join(dir, "x"))
}
