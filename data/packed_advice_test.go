package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a message advises works: with --skip-corrupt a packing that ended at a corrupt file goes on, and becomes what it
// would have been from the beginning.
func TestPackingGoesOnWithSkipCorrupt(t *testing.T) {
	dir := t.TempDir()
	for i := range 60 { // 21 a block at this size
		body := picture(t, i)
		if i == 50 {
			body = body[:40]
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.png", i)), body, 0o644))
	}
	open := func(o Options) Dataset {
		o.Size, o.Seed = square(64), 5
		return opened(t, "folder:"+dir, o)
	}
	want := filepath.Join(t.TempDir(), "x.pack")
	_, err := Pack(t.Context(), open(Options{SkipCorrupt: 1}), want, PackOptions{})
	require.NoError(t, err)

	path := filepath.Join(t.TempDir(), "x.pack")
	_, err = Pack(t.Context(), open(Options{}), path, PackOptions{Workers: 1})
	require.ErrorContains(t, err, "50.png: the file is truncated: mend or remove the file, or allow for some with --skip-corrupt: "+
		path+".partial keeps 42 of 60 images, and the same command with --skip-corrupt goes on from there")
	res, err := Pack(t.Context(), open(Options{SkipCorrupt: 1}), path, PackOptions{})
	require.NoError(t, err)
	assert.Equal(t, 42, res.Kept)
	assert.Equal(t, contents(t, want), contents(t, path))

	// Of other images it is refused as before.
	path = filepath.Join(t.TempDir(), "x.pack")
	_, err = Pack(t.Context(), open(Options{}), path, PackOptions{Workers: 1})
	require.Error(t, err)
	_, err = Pack(t.Context(), open(Options{SkipCorrupt: 1, Background: &[3]byte{}}), path, PackOptions{})
	assert.ErrorContains(t, err, "as it was before it changed, or with other options: remove it")
	// What is no fault of the file's contents is gone on from by the same command.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "50.png"), picture(t, 50), 0o644))
	again := filepath.Join(t.TempDir(), "x.pack")
	ds := open(Options{})
	require.NoError(t, os.Rename(filepath.Join(dir, "50.png"), filepath.Join(dir, "moved")))
	_, err = Pack(t.Context(), ds, again, PackOptions{Workers: 1})
	require.Error(t, err)
	assert.True(t, strings.HasSuffix(err.Error(), "images, and the same command goes on from there"), err)
}
