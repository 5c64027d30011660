package rundir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunsAreNumbered(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := DefaultConfig()
	cfg.Data = "mnist:some/where"
	for _, want := range []string{"runs/0000-dcgan-mnist", "runs/0001-dcgan-mnist"} {
		d, err := createRun(cfg, []byte("x"))
		require.NoError(t, err)
		d.close()
		assert.Equal(t, want, d.path)
	}
	require.NoError(t, os.Mkdir("runs/0041-other", 0o755))
	d, err := createRun(cfg, nil)
	require.NoError(t, err)
	d.close()
	assert.Equal(t, "runs/0042-dcgan-mnist", d.path)
}

func TestADirectoryThatHoldsARunIsRefused(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Out = filepath.Join(t.TempDir(), "run")
	d, err := createRun(cfg, []byte("x"))
	require.NoError(t, err)
	defer d.close()
	_, err = createRun(cfg, nil)
	assert.EqualError(t, err, cfg.Out+": it holds a run already: choose another --out")

	other := runDir{path: cfg.Out}
	assert.ErrorContains(t, other.begin(nil), "another process trains in it")
	other.close()
}

func TestADirectoryThatCannotBeFilledIsTakenAwayAgain(t *testing.T) {
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Out = filepath.Join(dir, "file", "run")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	_, err := createRun(cfg, nil)
	assert.ErrorContains(t, err, "not a directory: choose a directory that can be written with --out")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestPublishedKeepsTheNewestAndPointsAtIt(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Out = filepath.Join(t.TempDir(), "a[b] c")
	d, err := createRun(cfg, nil)
	require.NoError(t, err)
	defer d.close()
	for step := range int64(5) {
		path := d.checkpointPath(step * 100)
		require.NoError(t, os.WriteFile(path, []byte{byte(step)}, 0o644))
		require.NoError(t, d.published(path, 2))
		link, err := os.Readlink(filepath.Join(cfg.Out, "checkpoints", "latest"))
		require.NoError(t, err)
		assert.Equal(t, filepath.Base(path), link, "relative, so that the directory can be moved")
	}
	entries, err := os.ReadDir(filepath.Join(cfg.Out, "checkpoints"))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, []string{"latest", "step-00000300.pt", "step-00000400.pt"}, names)
}
