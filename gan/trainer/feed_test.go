package trainer

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"forger/gan/gantest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Wherever decoded images stay, a run sees the same batches, to the bit, and the labels that belong to them.
func TestEveryCacheFeedsTheSameBatches(t *testing.T) {
	folder := gantest.Labelled(t, 21, 3)
	for _, drop := range []bool{false, true} {
		var want [][]float32
		var wantLabels [][]int64
		for _, cache := range []string{"none", "host", "device"} {
			c := tinyConfig(t)
			c.Data.Spec, c.Data.Flip, c.Data.DropLast, c.Data.Cache, c.Run.Workers = "folder:"+folder, true, drop, cache, 2
			c.Method.Model.Conditional = "concat"
			var got [][]float32
			var labels [][]int64
			onTrainer(t, c, func(tr *Trainer) {
				for range 9 { // three epochs
					s := tr.root.Child()
					b, n, err := tr.feed.next(context.Background(), s)
					require.NoError(t, err)
					assert.Equal(t, []int{n, 3, 16, 16}, b.X.Shape())
					got = append(got, b.X.Floats())
					labels = append(labels, b.Labels.Ints())
					s.Close()
				}
			})
			if cache == "none" {
				want, wantLabels = got, labels
				assert.NotEqual(t, want[0], want[3], "another epoch")
				continue
			}
			assert.Equal(t, want, got, "%s, drop %v", cache, drop)
			assert.Equal(t, wantLabels, labels, "%s, drop %v", cache, drop)
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
	assert.Equal(t, ends[0].State, ends[1].State)
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
