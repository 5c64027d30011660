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
	for _, want := range []string{"runs/0000-dcgan-mnist", "runs/0001-dcgan-mnist"} {
		d, err := Create("", "dcgan-mnist", []byte("x"))
		require.NoError(t, err)
		d.Close()
		assert.Equal(t, want, d.Path)
	}
	require.NoError(t, os.Mkdir("runs/0041-other", 0o755))
	d, err := Create("", "dcgan-mnist", nil)
	require.NoError(t, err)
	d.Close()
	assert.Equal(t, "runs/0042-dcgan-mnist", d.Path)
}

func TestADirectoryThatHoldsARunIsRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	d, err := Create(out, "", []byte("x"))
	require.NoError(t, err)
	defer d.Close()
	_, err = Create(out, "", nil)
	assert.EqualError(t, err, out+": it holds a run already: choose another --out")
	_, err = Open(out, false)
	assert.ErrorContains(t, err, "another process trains in it")
	looked, err := Open(out, true)
	require.NoError(t, err)
	looked.Close()
}

// Of two starts in one directory the later one finds it held, and takes nothing of the other's away.
func TestTheLoserOfALockRemovesNothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(out, 0o755))
	winner := &Dir{Path: out}
	require.NoError(t, winner.hold())
	defer winner.Close()
	require.NoError(t, os.WriteFile(filepath.Join(out, "begun"), nil, 0o644))
	_, err := Create(out, "", nil)
	assert.ErrorContains(t, err, "another process trains in it")
	assert.FileExists(t, filepath.Join(out, "begun"))
}

// Nor does one that made the directory, and held it only when another had begun and ended there.
func TestARunThatEndedMeanwhileStays(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(out, 0o755))
	late := &Dir{Path: out} // which made it
	winner, err := Create(out, "", []byte("x"))
	require.NoError(t, err)
	winner.Close()
	require.NoError(t, late.hold())
	defer late.Close()
	assert.EqualError(t, late.fill([]byte("y"), true), out+": it holds a run already: choose another --out")
	left, err := os.ReadFile(winner.Config())
	require.NoError(t, err)
	assert.Equal(t, "x", string(left))
}

func TestADirectoryThatCannotBeFilledIsTakenAwayAgain(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	_, err := Create(filepath.Join(dir, "file", "run"), "", nil)
	assert.ErrorContains(t, err, "not a directory: choose a directory that can be written with --out")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestPublishedKeepsTheNewestAndPointsAtIt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a[b] c")
	d, err := Create(out, "", nil)
	require.NoError(t, err)
	defer d.Close()
	for step := range int64(5) {
		path := d.Checkpoint(step * 100)
		require.NoError(t, os.WriteFile(path, []byte{byte(step)}, 0o644))
		require.NoError(t, d.Publish(path, 2))
		link, err := os.Readlink(filepath.Join(out, "checkpoints", "latest"))
		require.NoError(t, err)
		assert.Equal(t, filepath.Base(path), link, "relative, so that the directory can be moved")
	}
	entries, err := os.ReadDir(filepath.Join(out, "checkpoints"))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, []string{"latest", "step-00000300.pt", "step-00000400.pt"}, names)
}
