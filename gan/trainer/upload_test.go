package trainer

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/torch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// feedAhead gives a trainer the feed that CUDA has, on any device.
func feedAhead(t *testing.T, tr *Trainer) *ahead {
	t.Helper()
	tr.feed.close()
	p := planOf(tr.job, tr.ds)
	l, err := data.NewLoader(tr.ds, data.LoaderOptions{Batch: p.Batch, Seed: p.Seed, Shuffle: true, DropLast: p.DropLast, Start: tr.position()})
	require.NoError(t, err)
	f := newAhead(tr, l)
	tr.feed = f
	return f
}

// feedAtOnce gives a trainer the feed that the CPU has.
func feedAtOnce(t *testing.T, tr *Trainer) {
	t.Helper()
	tr.feed.close()
	p := planOf(tr.job, tr.ds)
	l, err := data.NewLoader(tr.ds, data.LoaderOptions{Batch: p.Batch, Seed: p.Seed, Shuffle: true, DropLast: p.DropLast})
	require.NoError(t, err)
	tr.feed = &loading{tr, l}
}

// Batches that cross ahead are the batches, in their order and sizes, and so is what is trained on them.
func TestUploadsAheadAreTheSameRun(t *testing.T) {
	c := tinyConfig(t)
	c.Data.Spec, c.Data.Flip, c.Data.Cache, c.Method.DiscSteps, c.Run.Graph = "folder:"+gantest.Labelled(t, 21, 3), true, "none", 2, "off"
	c.Method.Model.Conditional = "projection"
	var want [][]float32
	var labels, wantLabels []int64
	take := func(tr *Trainer) (all [][]float32) {
		labels = nil
		for range 9 {
			s := tr.root.Child()
			b, n, err := tr.feed.next(t.Context(), s)
			require.NoError(t, err)
			assert.Equal(t, []int{n, 3, 16, 16}, b.X.Shape())
			assert.True(t, b.X.Info().ChannelsLast)
			all = append(all, b.X.Floats())
			labels = append(labels, b.Labels.Ints()...)
			s.Close()
		}
		return all
	}
	onTrainer(t, c, func(tr *Trainer) {
		feedAtOnce(t, tr)
		want = take(tr)
		wantLabels = labels
	})
	onTrainer(t, c, func(tr *Trainer) {
		f := feedAhead(t, tr)
		f.fill(t)
		assert.Len(t, f.sent, 1)
		assert.Equal(t, want, take(tr))
		assert.Equal(t, wantLabels, labels)
	})

	onTrainer(t, c, func(tr *Trainer) {
		feedAtOnce(t, tr)
		steps(t, tr, 6)
		state := stateOf(t, tr)
		onTrainer(t, c, func(tr *Trainer) {
			f := feedAhead(t, tr)
			steps(t, tr, 3)
			f.fill(t)
			feedAhead(t, tr) // as a resume does: what crossed and was not used is used now
			steps(t, tr, 3)
			assert.Empty(t, differences("", state, stateOf(t, tr)))
		})
	})
}

// fill waits until a batch is on its way.
func (f *ahead) fill(t *testing.T) {
	t.Helper()
	if len(f.sent) == 0 {
		f.send(<-f.queue)
	}
	require.NotEmpty(t, f.sent)
}

// An error comes at its batch's turn, and stays; a context that ends loses no batch.
func TestErrorsOfUploadsAhead(t *testing.T) {
	folder := gantest.Pictures(t, 30)
	c := tinyConfig(t)
	c.Data.Spec, c.Run.Batch, c.Data.Cache, c.Run.Graph = "folder:"+folder, 10, "none", "off"
	onTrainer(t, c, func(tr *Trainer) {
		epoch, images := planOf(tr.job, tr.ds).Images(1)
		assert.Zero(t, epoch)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(nthFile(t, folder, images[0]))), []byte("none"), 0o644))
		f := feedAhead(t, tr)
		s := tr.root.Child()
		defer s.Close()
		ended, stop := context.WithCancel(t.Context())
		stop()
		_, _, err := f.next(ended, s)
		require.ErrorIs(t, err, context.Canceled)
		f.fill(t)
		_, n, err := f.next(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, 10, n)
		for range 2 {
			_, _, err = f.next(t.Context(), s)
			assert.ErrorContains(t, err, ".png")
		}
	})
}

func nthFile(t *testing.T, folder string, n int) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.png"))
	require.NoError(t, err)
	return files[n]
}

// On a device batches cross ahead, and a run is the one that the CPU's way of feeding makes.
func TestTheDevicesFeed(t *testing.T) {
	onCUDA(t)
	c := tinyConfig(t)
	c.Run.Device, c.Data.Spec, c.Data.Cache = "cuda", "folder:"+gantest.Pictures(t, 21), "none"
	onTrainer(t, c, func(tr *Trainer) {
		assert.IsType(t, &ahead{}, tr.feed)
		steps(t, tr, 9)
		want := stateOf(t, tr)
		onTrainer(t, c, func(tr *Trainer) {
			feedAtOnce(t, tr)
			steps(t, tr, 9)
			assert.Empty(t, differences("", want, stateOf(t, tr)))
		})
	})
}

// A network that no memory holds is told of with what was asked for and the settings to lower.
func TestOutOfMemorySaysWhatToLower(t *testing.T) {
	c := tinyConfig(t)
	c.Run.Device, c.Method.Model.GenWidth = "cpu", 1<<38
	_, err := train(t, context.Background(), c, &gantest.Recorder{})
	var short *MemoryError
	require.ErrorAs(t, err, &short)
	assert.Regexp(t, `^out of memory: \d+ bytes more were asked for, the process used \d+ MiB: lower --batch \(8\), --gen-width \(274877906944\), --disc-width \(2\) or --size$`, err.Error())
	assert.ErrorAs(t, err, new(*torch.Error))

	// What libtorch says of a CUDA device.
	job := c.job()
	err = &torch.Error{Op: "conv2d", Code: torch.OutOfMemory, Msg: "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which " +
		"1.02 GiB is free. Including non-PyTorch memory, this process has 78.07 GiB memory in use. Of the allocated memory 70.00 GiB is allocated by PyTorch, and 1 GiB"}
	job.explainMemory(&err)
	assert.EqualError(t, err, "out of memory: 2.00 GiB more were asked for, 78.07 GiB are in use of 79.10 GiB: "+
		"lower --batch (8), --gen-width (274877906944), --disc-width (2) or --size")
	other := &torch.Error{Op: "add", Code: torch.Failed, Msg: "shapes"}
	err = other
	job.explainMemory(&err)
	assert.Same(t, other, err)
	err = nil
	job.explainMemory(&err)
	assert.NoError(t, err)
}
