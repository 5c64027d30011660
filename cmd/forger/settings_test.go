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
