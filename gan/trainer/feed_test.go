package trainer

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
	folder := gantest.Pictures(t, 21)
	for _, drop := range []bool{false, true} {
		var want [][]float32
		for _, cache := range []string{"none", "host", "device"} {
			c := tinyConfig(t)
			c.Data.Spec, c.Data.Flip, c.Data.DropLast, c.Data.Cache, c.Run.Workers = "folder:"+folder, true, drop, cache, 2
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
	folder := gantest.Pictures(t, 21)
	var ends []gantest.Left
	for _, cache := range []string{"none", "device"} {
		c := tinyConfig(t)
		c.Data.Spec, c.Data.Cache, c.Data.Flip, c.Run.Out = "folder:"+folder, cache, true, c.Run.Out+cache
		res, err := train(t, context.Background(), c, &gantest.Recorder{})
		require.NoError(t, err)
		ends = append(ends, gantest.LeftBy(t, res))
	}
	for _, e := range ends {
		e.State.Set("config", "")
	}
	assert.Empty(t, differences("", ends[0].State, ends[1].State))
	assert.Equal(t, ends[0].Samples, ends[1].Samples)

	c := tinyConfig(t)
	c.Data.Cache = "device"
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	assert.ErrorContains(t, err, "differ from epoch to epoch: use --cache none")
	assert.NoDirExists(t, c.Run.Out)
}

func TestCorruptFilesAreToldOf(t *testing.T) {
	folder := gantest.Pictures(t, 21)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "004.png"), []byte("none"), 0o644))
	c := tinyConfig(t)
	c.Data.Spec = "folder:" + folder
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	require.ErrorContains(t, err, "004.png")
	c.Data.SkipCorrupt, c.Run.Out = 1, c.Run.Out+"-again"
	var r gantest.Recorder
	_, err = train(t, context.Background(), c, &r)
	require.NoError(t, err)
	require.Len(t, r.Warns, 1)
	assert.Regexp(t, `004\.png.*image \d+ stands in for it \(1 of 1 allowed\)`, r.Warns[0])
}

func TestDataOptionsOfAConfig(t *testing.T) {
	c := DefaultConfig()
	c.Data.Background, c.Data.Limit, c.Data.CropBefore, c.Data.Flip = "#102030", 5, 108, true
	o, err := c.dataOptions()
	require.NoError(t, err)
	assert.Equal(t, &[3]byte{0x10, 0x20, 0x30}, o.Background)
	assert.Equal(t, []any{5, 108, true}, []any{o.Limit, o.CropBefore, o.Flip})
	assert.Positive(t, o.CacheBytes)
	for _, bad := range []func(*Config){
		func(c *Config) { c.Data.Background = "red" }, func(c *Config) { c.Data.Background = "12345" }, func(c *Config) { c.Data.Filter = "[" },
		func(c *Config) { c.Data.Limit = -1 }, func(c *Config) { c.Data.Cache = "disk" },
	} {
		c := DefaultConfig()
		bad(&c)
		var usage *setting.UsageError
		assert.ErrorAs(t, c.Check(), &usage)
	}
	c = DefaultConfig()
	c.Data.Size, c.Data.CropBefore = 32, 108
	_, err = c.open()
	var usage *setting.UsageError
	assert.ErrorAs(t, err, &usage)
	assert.ErrorContains(t, err, "--data \"glyphs\": crop-before 108 is for image files")
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
