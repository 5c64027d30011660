package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forger/internal/rank"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/many-gpus.md names every variable that is read, quotes errors as they are, and has manifests and scripts that parse.
func TestTheManyGPUs(t *testing.T) {
	text := string(readFile(t, filepath.Join("..", "..", "docs"), "many-gpus.md"))
	sources, err := filepath.Glob(filepath.Join("..", "..", "internal", "rank", "*.go"))
	require.NoError(t, err)
	named := 0
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`"(RANK|[A-Z0-9]+_[A-Z0-9_]+)"`).FindAllStringSubmatch(string(readFile(t, "", path)), -1) {
			named++
			assert.True(t, strings.Contains(text, "`"+m[1]+"`"), m[1])
		}
	}
	assert.Greater(t, named, 40)

	quoted := regexp.MustCompile("(?m)^\\| `([A-Z].*=.*)` \\| (?:`` ?|`)(ranks: .*?)(?: ?``|`) \\|$").FindAllStringSubmatch(text, -1)
	require.Len(t, quoted, 6)
	for _, m := range quoted {
		env := map[string]string{}
		for pair := range strings.FieldsSeq(m[1]) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		_, err := rank.FromEnv(func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		})
		assert.EqualError(t, err, m[2])
	}

	kinds := map[any]int{}
	for _, m := range regexp.MustCompile("(?s)```(yaml|bash)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if m[1] == "yaml" {
			var manifest map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(m[2]), &manifest), m[2])
			kinds[manifest["kind"]]++
			continue
		}
		path := filepath.Join(t.TempDir(), "script")
		require.NoError(t, os.WriteFile(path, []byte(m[2]), 0o600))
		got := command(t, t.TempDir(), nil, "bash", "-n", path)
		assert.Zero(t, got.code, got.errout)
		kinds["bash"]++
	}
	assert.Equal(t, map[any]int{"TrainJob": 2, "PyTorchJob": 1, "bash": 6}, kinds)
}

// The script for SLURM ends with its step's exit code, and queues itself again when it was told that its time is over or a rank
// was lost.
func TestTheScriptForSLURM(t *testing.T) {
	text := string(readFile(t, filepath.Join("..", "..", "docs"), "many-gpus.md"))
	_, script, found := strings.Cut(text, "```bash\n#!/bin/bash\n")
	require.True(t, found)
	script, _, _ = strings.Cut(script, "```")
	for _, c := range []struct {
		step          string // what srun does
		code          int
		queues, fresh bool
	}{
		{"exit 0", 0, false, true},
		{"exit 1", 1, false, true},
		{"exit 75", 75, true, true},
		{"exit 0", 0, false, false},
		{"kill -USR1 $PPID; read -r how <fifo; [ \"$how\" = '--signal=TERM 41002' ]", 0, true, true},
	} {
		dir := t.TempDir()
		run := filepath.Join(dir, "digits")
		if !c.fresh {
			require.NoError(t, os.MkdirAll(run, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(run, "config.yaml"), nil, 0o600))
		}
		for name, body := range map[string]string{
			"srun":     `printf '%s\n' "$*" >asked; ` + c.step,
			"scancel":  `printf '%s\n' "$*" >fifo`,
			"scontrol": `printf '%s\n' "$*" >queued`,
			"script":   strings.ReplaceAll(script, "/shared/runs/digits", run),
		} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+body), 0o700))
		}
		require.Zero(t, command(t, dir, nil, "mkfifo", "fifo").code)
		got := command(t, dir, []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "SLURM_JOB_ID=41002"}, "./script")
		assert.Equal(t, c.code, got.code, "%s: %s", c.step, got.errout)
		asked := string(readFile(t, dir, "asked"))
		assert.Equal(t, c.fresh, strings.Contains(asked, "--out "+run), asked)
		assert.Equal(t, !c.fresh, strings.Contains(asked, "--resume "+run), asked)
		queued, err := os.ReadFile(filepath.Join(dir, "queued"))
		assert.Equal(t, c.queues, err == nil, "%s: %s", c.step, queued)
		if c.queues {
			assert.Equal(t, "requeue 41002\n", string(queued))
		}
	}
}
