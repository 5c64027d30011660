package gan

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Wherever decoded images stay, a run sees the same batches, to the bit.
func TestEveryCacheFeedsTheSameBatches(t *testing.T) {
	folder := pictures(t, 21)
	for _, drop := range []bool{false, true} {
		var want [][]float32
		for _, cache := range []string{"none", "host", "device"} {
			c := tinyConfig(t)
			c.Data, c.Flip, c.DropLast, c.Cache, c.Workers = "folder:"+folder, true, drop, cache, 2
			var got [][]float32
			onTrainer(t, c, func(tr *trainer) {
				for range 9 { // three epochs
					s := tr.root.Child()
					images, n, err := tr.feed.next(context.Background(), s)
					require.NoError(t, err)
					assert.Equal(t, []int{n, 3, 16, 16}, images.Shape())
					got = append(got, images.Floats())
					s.Close()
				}
			})
			if cache == "none" {
				want = got
				assert.NotEqual(t, want[0], want[3], "another epoch")
				continue
			}
			assert.Equal(t, want, got, "%s, drop %v", cache, drop)
		}
	}
}

// Runs with and without a cache on the device are the same run; glyphs, drawn anew each epoch, cannot be kept.
func TestARunFromTheDevicesCache(t *testing.T) {
	folder := pictures(t, 21)
	var ends []left
	for _, cache := range []string{"none", "device"} {
		c := tinyConfig(t)
		c.Data, c.Cache, c.Flip, c.Out = "folder:"+folder, cache, true, c.Out+cache
		res, err := train(t, context.Background(), c, &recorder{})
		require.NoError(t, err)
		ends = append(ends, leftBy(t, res))
	}
	for _, e := range ends {
		e.state.Set("config", "")
	}
	assert.Empty(t, differences("", ends[0].state, ends[1].state))
	assert.Equal(t, ends[0].samples, ends[1].samples)

	c := tinyConfig(t)
	c.Cache = "device"
	_, err := train(t, context.Background(), c, &recorder{})
	assert.ErrorContains(t, err, "differ from epoch to epoch: use --cache none")
	assert.NoDirExists(t, c.Out)
}

func TestCorruptFilesAreToldOf(t *testing.T) {
	folder := pictures(t, 21)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "004.png"), []byte("none"), 0o644))
	c := tinyConfig(t)
	c.Data = "folder:" + folder
	_, err := train(t, context.Background(), c, &recorder{})
	require.ErrorContains(t, err, "004.png")
	c.SkipCorrupt, c.Out = 1, c.Out+"-again"
	var r recorder
	_, err = train(t, context.Background(), c, &r)
	require.NoError(t, err)
	require.Len(t, r.warned, 1)
	assert.Regexp(t, `004\.png.*image \d+ stands in for it \(1 of 1 allowed\)`, r.warned[0])
}

func TestDataOptionsOfAConfig(t *testing.T) {
	c := DefaultConfig()
	c.Background, c.Limit, c.CropBefore, c.Flip = "#102030", 5, 108, true
	o, err := c.dataSettings().Options(0)
	require.NoError(t, err)
	assert.Equal(t, &[3]byte{0x10, 0x20, 0x30}, o.Background)
	assert.Equal(t, []any{5, 108, true}, []any{o.Limit, o.CropBefore, o.Flip})
	assert.Positive(t, o.CacheBytes)
	for _, bad := range []func(*Config){
		func(c *Config) { c.Background = "red" }, func(c *Config) { c.Background = "12345" }, func(c *Config) { c.Filter = "[" },
		func(c *Config) { c.Limit = -1 }, func(c *Config) { c.Cache = "disk" },
	} {
		c := DefaultConfig()
		bad(&c)
		var usage *UsageError
		assert.ErrorAs(t, c.Validate(), &usage)
	}
	c = DefaultConfig()
	c.Size, c.CropBefore = 32, 108
	_, err = c.open()
	var usage *UsageError
	assert.ErrorAs(t, err, &usage)
	assert.ErrorContains(t, err, "--data \"glyphs\": crop-before 108 is for image files")
}

// Without a full batch an epoch has none, wherever the images come from on their way.
func TestDropLastOfFewerImagesThanABatchIsRefused(t *testing.T) {
	for _, cache := range caches {
		c := tinyConfig(t)
		c.Data, c.Limit, c.DropLast, c.Batch, c.Cache = "glyphs", 10, true, 64, cache
		_, err := c.open()
		assert.EqualError(t, err, "glyphs: --drop-last: 10 images make no batch of 64: lower --batch or leave --drop-last away")
	}
}

// The bound in images counts what was shown, also where last batches are left out.
func TestBoundsWithoutLastBatches(t *testing.T) {
	ds := fakeData{n: 21, shape: shape16}
	for images, want := range map[int64]int64{8: 1, 9: 2, 16: 2, 17: 3, 32: 4} {
		tr := trainer{cfg: Config{Batch: 8, DiscSteps: 1, Images: images, DropLast: true}, ds: ds}
		assert.Equal(t, want, tr.totalSteps(), "%d images", images)
	}
	tr := trainer{cfg: Config{Batch: 8, DiscSteps: 1, Epochs: 3, DropLast: true}, ds: ds}
	assert.EqualValues(t, 6, tr.totalSteps())
}
