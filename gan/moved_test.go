package gan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/internal/setting"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edit replaces lines of a run's config.yaml.
func edit(t *testing.T, dir string, lines map[string]string) {
	t.Helper()
	path := filepath.Join(dir, "config.yaml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for old, now := range lines {
		require.Contains(t, string(text), old)
		text = []byte(strings.Replace(string(text), old, now, 1))
	}
	require.NoError(t, os.WriteFile(path, text, 0o644))
}

// What is edited in a run's config.yaml is taken where it may change, told by its key, and is in the next checkpoint. What
// a flag says wins.
func TestAnEditedConfigIsTaken(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	edit(t, dir, map[string]string{"lr: 0.0002\n": "lr: 0.001\n", "steps: 6\n": "images: 64\n", "keep: 3\n": "keep: 7\n"})
	var r gantest.Recorder
	res, err := resume(t, dir, &r, "keep", "5")
	require.NoError(t, err)
	assert.Equal(t, int64(8), res.Step, "64 images in batches of 8: the bound of before is gone")
	require.Len(t, r.Warns, 2)
	assert.Equal(t, "config.yaml differs from the checkpoint: goes on with its lr 0.001 for 0.0002, steps 0 for 6, images 64 for 0, keep 7 for 3", r.Warns[0])
	assert.Equal(t, "goes on with lr 0.001 for 0.0002: the numbers are no more those of the run without", r.Warns[1])
	config, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	require.NoError(t, err)
	for _, line := range []string{"lr: 0.001\n", "images: 64\n", "keep: 5\n"} {
		assert.Contains(t, string(config), line)
	}

	var again gantest.Recorder
	_, err = resume(t, dir, &again, "steps", "9")
	require.NoError(t, err)
	assert.Empty(t, again.Warns, "the checkpoint has them now")
}

func TestAnEditThatMayNotBeIsRefused(t *testing.T) {
	dir := stoppedRun(t, func(*Config) {})
	config := filepath.Join(dir, "config.yaml")
	for name, c := range map[string]struct{ old, now, want string }{
		"another batch": {"batch: 8\n", "batch: 4\n", ": batch 4 (the run has 8): a resumed run goes on with its own settings"},
		"no number":     {"lr: 0.0002\n", "lr: fast\n", `: lr: "fast" is not a number that fits`},
		"out of range":  {"lr: 0.0002\n", "lr: -1\n", ": lr -1: out of range: use a number above 0"},
	} {
		before, err := os.ReadFile(config)
		require.NoError(t, err)
		edit(t, dir, map[string]string{c.old: c.now})
		_, err = resume(t, dir, &gantest.Recorder{})
		var usage *setting.UsageError
		require.ErrorAs(t, err, &usage, name)
		assert.Contains(t, err.Error(), config+": line ", name)
		assert.Contains(t, err.Error(), c.want, name)
		left, err := os.ReadFile(config)
		require.NoError(t, err)
		assert.Contains(t, string(left), c.now, "%s: the edit is the user's", name)
		require.NoError(t, os.WriteFile(config, before, 0o644))
	}
	require.NoError(t, os.Remove(config))
	_, err := resume(t, dir, &gantest.Recorder{}, "steps", "7")
	assert.NoError(t, err, "a checkpoint holds all of it")
}

// A run goes on where its data moved to, when it is the same data, and where it is resumed from another working directory.
func TestDataThatMoved(t *testing.T) {
	work := t.TempDir()
	t.Chdir(work)
	require.NoError(t, os.CopyFS("pictures", os.DirFS(gantest.Pictures(t, 20))))
	dir := stoppedRun(t, func(c *Config) { c.Data.Spec = "folder:pictures" })
	assert.Equal(t, "folder:"+filepath.Join(work, "pictures"), resolvedBy(t, dir).Data)

	t.Chdir(t.TempDir())
	res, err := resume(t, dir, &gantest.Recorder{}, "steps", "7")
	require.NoError(t, err)
	assert.Equal(t, int64(7), res.Step)

	elsewhere := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(filepath.Join(work, "pictures"), elsewhere))
	_, err = resume(t, dir, &gantest.Recorder{}, "steps", "8")
	assert.ErrorContains(t, err, "no such file or directory: name a folder that exists")
	var r gantest.Recorder
	res, err = resume(t, dir, &r, "steps", "8", "data", "folder:"+elsewhere)
	require.NoError(t, err)
	assert.Equal(t, int64(8), res.Step)
	assert.Empty(t, r.Warns, "the numbers are those of before")
	_, err = resume(t, dir, &gantest.Recorder{}, "steps", "9")
	require.NoError(t, err, "it is remembered")

	_, err = resume(t, dir, &gantest.Recorder{}, "steps", "10", "data", "folder:"+gantest.Pictures(t, 21))
	assert.ErrorContains(t, err, "not what the checkpoint was trained on, or it changed since (20 images then, 21 now)")
}
