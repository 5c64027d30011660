package main

import (
	"os"
	"path/filepath"
	"testing"

	"forger/gan"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run's own config.yaml repeats that run, by the rules that it had; a file of settings is no run.
func TestARepeatedRunKeepsItsRulesOfData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	for text, want := range map[string]int{
		"limit: 5\n": 2, "limit: 5\nresolved: {device: cpu}\n": 1, "data-rules: 2\nresolved: {device: cpu}\n": 2,
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		c := gan.DefaultConfig()
		_, _, err := fillSettings(pflag.NewFlagSet("", pflag.ContinueOnError), c.Settings(), path)
		require.NoError(t, err, text)
		assert.Equal(t, want, c.Data.Rules, text)
	}
}

// What is given several times is joined, and takes the place of the default.
func TestDataFlagsAreJoined(t *testing.T) {
	for want, args := range map[string][]string{
		"glyphs": nil, "folder:a": {"--data", "folder:a"}, "folder:a + zip:b": {"--data", "folder:a", "--data=zip:b", "--data-weights", "1,2"},
	} {
		c := gan.DefaultConfig()
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		addSettings(flags, c.Settings())
		require.NoError(t, flags.Parse(args))
		assert.Equal(t, want, c.Data.Spec)
	}
}

// Several sources are trained on as one, a resume of which is a resume; so they are looked at.
func TestTrainingOnAMixture(t *testing.T) {
	dir := t.TempDir()
	photos(t, dir)
	got := forger(t, dir, nil, append([]string{"train", "--data", "folder:set", "--data", "glyphs", "--data-weights", "3,1", "--channels", "1",
		"--out", "run", "--steps", "3", "--verify-resume", "2"}, small...)...)
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "resume verified")
	got = forger(t, dir, none, "data", "info", "folder:set + glyphs", "--size", "16", "--data-weights", "3,1")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Regexp(t, `images +240000\n`, got.out)
	assert.Regexp(t, `classes +12: `, got.out)
}
