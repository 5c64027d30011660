package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, Write(path, text("old and longer")))
	require.NoError(t, Write(path, func(w io.Writer) error {
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "old and longer", string(before), "the old contents stay until the new are complete")
		return text("new")(w)
	}))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(got))
	assert.Equal(t, []string{"file"}, names(t, dir))
}

func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, Write(path, text("old")))
	broken := errors.New("broken")
	err := Write(path, func(w io.Writer) error {
		require.NoError(t, text("half")(w))
		assert.Len(t, names(t, dir), 2)
		return broken
	})
	require.ErrorIs(t, err, broken)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))
	assert.Equal(t, []string{"file"}, names(t, dir))
}

func TestMissingDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "file")
	require.EqualError(t, Write(path, text("x")), "open "+path+": no such file or directory")
}

func TestRefusesDirectoriesAndDevices(t *testing.T) {
	require.ErrorContains(t, Write(t.TempDir(), text("x")), "is not a regular file")
	require.ErrorContains(t, Write(os.DevNull, text("x")), "is not a regular file")
}

func TestFollowsSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(real, []byte("old"), 0o666))
	require.NoError(t, os.Symlink("real", link))
	require.NoError(t, Write(link, text("new")))
	got, err := os.ReadFile(real)
	require.NoError(t, err)
	assert.Equal(t, "new", string(got))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSymlink, info.Mode().Type())
}

func TestAPanicLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	assert.Panics(t, func() { _ = Write(filepath.Join(dir, "a"), func(io.Writer) error { panic("lost") }) })
	assert.Empty(t, names(t, dir))
}

// /dev/stdout is a link to "pipe:[1]" when it is a pipe.
func TestALinkToNothingStays(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "out")
	require.NoError(t, os.Symlink("pipe:[1]", link))
	assert.ErrorContains(t, Write(link, text("x")), "is a link to nothing that can be replaced")
	to, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "pipe:[1]", to)
	assert.Equal(t, []string{"out"}, names(t, dir))
}
