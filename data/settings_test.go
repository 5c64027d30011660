package data

import (
	"os"
	"path/filepath"
	"testing"

	"forger/internal/machine"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsBecomeOptions(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/cache")
	s := Settings{
		Spec: "folder:x", Size: 8, Channels: 1, Filter: "cat", Limit: 7, Flip: true, CropBefore: 108, FastDecode: true,
		Background: "010203", MaxPixels: 99, SkipCorrupt: 2, DropLast: true, Cache: "none",
	}
	got, err := s.Options(5)
	require.NoError(t, err)
	assert.Equal(t, Options{
		Size: 8, Channels: 1, Seed: 5, Filter: "cat", Limit: 7, Flip: true, CropBefore: 108, FastDecode: true,
		Background: &[3]byte{1, 2, 3}, MaxPixels: 99, SkipCorrupt: 2, CacheDir: "/cache/forger/data",
	}, got)
}

// A quarter of what is free, which a cgroup may bound, is what decoded images may take where they stay on the host.
func TestTheCacheTakesAQuarterOfWhatIsFree(t *testing.T) {
	for cache, kept := range map[string]bool{"": true, "auto": true, "host": true, "device": false, "none": false} {
		o, err := Settings{Spec: "glyphs", Cache: cache}.Options(0)
		require.NoError(t, err)
		if !kept {
			assert.Zero(t, o.CacheBytes, cache)
			continue
		}
		free, err := machine.FreeMemory()
		require.NoError(t, err)
		assert.InEpsilon(t, free/4, o.CacheBytes, .2, "%q: others take memory meanwhile", cache)
	}
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	for want, s := range map[string]Settings{
		`data "": unknown: have `:                             {},
		`data "nope": unknown: have `:                         {Spec: "nope"},
		`cache "ram": unknown: have auto, device, host, none`: {Spec: "glyphs", Cache: "ram"},
		`background "red": no colour`:                         {Spec: "glyphs", Background: "red"},
		`filter "[": [ is no glob`:                            {Spec: "glyphs", Filter: "["},
		"size -8: negative":                                   {Spec: "glyphs", Size: -8},
		"channels 4: neither gray nor RGB":                    {Spec: "glyphs", Channels: 4},
		"limit -1, skip-corrupt 0: ":                          {Spec: "glyphs", Limit: -1},
	} {
		var e *SpecError
		require.ErrorAs(t, s.Check(), &e, want)
		assert.Contains(t, e.Msg, want)
		_, err := s.Options(0)
		assert.Equal(t, s.Check(), err)
		_, err = s.Open(0)
		assert.Equal(t, s.Check(), err)
	}
	assert.NoError(t, Settings{Spec: "folder:" + filepath.Join(t.TempDir(), "gone")}.Check(), "the disk is not asked")
}

func TestSettingsOpen(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	ds, err := Settings{Spec: "glyphs", Size: 16, Limit: 9}.Open(3)
	require.NoError(t, err)
	want := opened(t, "glyphs", Options{Size: 16, Limit: 9, Seed: 3})
	assert.Equal(t, want.Fingerprint(), ds.Fingerprint())
	assert.Equal(t, read(t, want, 1, 4), read(t, ds, 1, 4))

	files, err := Settings{Spec: "folder:" + jpegs(t, 3), Size: 8}.Open(0)
	require.NoError(t, err)
	_, kept := files.(*cached)
	assert.True(t, kept, "decoded images stay")
	require.NoError(t, os.Unsetenv("XDG_CACHE_HOME"))
	t.Setenv("HOME", "")
	o, err := Settings{Spec: "glyphs"}.Options(0)
	require.NoError(t, err)
	assert.Empty(t, o.CacheDir, "without a home nothing is kept")
}
