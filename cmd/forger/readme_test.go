package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README names no flag and no command that there is none of.
func TestTheReadmeSaysWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	text = regexp.MustCompile("torchrun .* --no-python ").ReplaceAll(text, nil) // what stands there is torchrun's
	flags, commands := map[string]bool{}, map[string]bool{}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		commands[c.Name()] = true
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(newRoot())
	named := regexp.MustCompile("(?m)(?:^|[\\s`(|\"/])--([a-z][a-z-]*)").FindAllSubmatch(text, -1)
	require.Greater(t, len(named), 40)
	for _, m := range named {
		assert.True(t, flags[string(m[1])], "--%s", m[1])
	}
	run := regexp.MustCompile("forger ([a-z]+)").FindAllSubmatch(text, -1)
	require.NotEmpty(t, run)
	for _, m := range run {
		assert.True(t, commands[string(m[1])], "forger %s", m[1])
	}
}
