package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// imitated is a machine that has these files and no others.
func imitated(t *testing.T, files map[string]string) host {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return host(dir)
}

func TestProcessor(t *testing.T) {
	h := imitated(t, map[string]string{"proc/cpuinfo": "processor\t: 0\nmodel name\t: An Example: 3 GHz\nmodel name\t: Another\n"})
	assert.Equal(t, "An Example: 3 GHz", h.processor())
	assert.Equal(t, "unknown", imitated(t, nil).processor())
	assert.Equal(t, "unknown", imitated(t, map[string]string{"proc/cpuinfo": "processor : 0\nFeatures : fp\n"}).processor())
	assert.NotEmpty(t, Processor())
}

// What df says of the same file system, which others write to meanwhile.
func TestDiskFree(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("df", "-B1", "--output=avail", dir).Output()
	require.NoError(t, err)
	want, err := strconv.ParseInt(strings.Fields(string(out))[1], 10, 64)
	require.NoError(t, err)
	got, err := DiskFree(dir)
	require.NoError(t, err)
	assert.InDelta(t, want, got, 1<<30)
	_, err = DiskFree(filepath.Join(dir, "gone"))
	assert.EqualError(t, err, filepath.Join(dir, "gone")+": free space: no such file or directory")
}
