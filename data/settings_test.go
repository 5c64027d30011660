package data

import (
	"errors"
	"testing"

	"forger/internal/machine"
	"forger/internal/setting"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsAreOptions(t *testing.T) {
	var s Settings
	s.Settings().Reset()
	s.Background, s.Limit, s.CropBefore, s.Flip = "#102030", 5, 108, true
	o, err := s.Options(0)
	require.NoError(t, err)
	assert.Equal(t, &[3]byte{0x10, 0x20, 0x30}, o.Background)
	assert.Equal(t, []any{5, 108, true}, []any{o.Limit, o.CropBefore, o.Flip})
	assert.Positive(t, o.CacheBytes)
	var usage *setting.UsageError
	for _, bad := range []func(*Settings){
		func(s *Settings) { s.Background = "red" }, func(s *Settings) { s.Background = "12345" }, func(s *Settings) { s.Filter = "[" },
		func(s *Settings) { s.Limit = -1 }, func(s *Settings) { s.Cache = "disk" }, func(s *Settings) { s.Channels = 2 },
	} {
		var s Settings
		s.Settings().Reset()
		bad(&s)
		assert.ErrorAs(t, errors.Join(s.Settings().Check(), s.Check()), &usage)
	}
	s = Settings{Spec: "glyphs", Size: square(32), CropBefore: 108}
	_, err = s.Open(0, 64)
	assert.ErrorAs(t, err, &usage)
	assert.ErrorContains(t, err, "--data \"glyphs\": crop-before 108 is for image files")
	ds, err := Settings{Spec: "glyphs"}.Open(0, 16)
	require.NoError(t, err)
	assert.Equal(t, Shape{Height: 16, Width: 16, Channels: 1}, ds.Shape(), "the side that is not asked for")
}

// A quarter of what is free, which a cgroup may bound, is what decoded images may take where they stay on the host.
func TestTheCacheTakesAQuarterOfWhatIsFree(t *testing.T) {
	for cache, kept := range map[string]bool{"auto": true, "host": true, "device": false, "none": false} {
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
