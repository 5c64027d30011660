package data

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type digest [sha256.Size]byte

// once counts the images of an epoch by hash, read one by one.
func once(t *testing.T, ds Dataset, epoch int) map[digest]int {
	t.Helper()
	count := map[digest]int{}
	dst := make([]byte, ds.Shape().Bytes())
	for i := range ds.Len() {
		require.NoError(t, ds.Read(epoch, i, dst))
		count[sha256.Sum256(append(dst[:len(dst):len(dst)], byte(ds.Label(i))))]++
	}
	return count
}

// loaded counts what a loader yields from batch start to the end of the epoch that it lies in.
func loaded(t *testing.T, ds Dataset, o LoaderOptions) map[digest]int {
	t.Helper()
	l, err := NewLoader(ds, o)
	require.NoError(t, err)
	defer l.Close()
	count := map[digest]int{}
	size := ds.Shape().Bytes()
	for k := o.Start % l.plan.PerEpoch(); k < l.plan.PerEpoch(); k++ {
		b, err := l.Next(context.Background())
		require.NoError(t, err)
		for i := range b.N {
			image := b.Images[i*size : (i+1)*size]
			count[sha256.Sum256(append(image[:size:size], byte(b.Labels[i])))]++
		}
		l.Recycle(b)
	}
	return count
}

func sum(count map[digest]int) (n int) {
	for _, c := range count {
		n += c
	}
	return n
}

// eachOnce checks two epochs, and that from a place in the middle of an epoch on the rest of it comes, no image of which
// came before.
func eachOnce(t *testing.T, name string, ds Dataset, batches, workers []int) {
	want := [2]map[digest]int{once(t, ds, 0), once(t, ds, 1)}
	for _, batch := range batches {
		perEpoch := int64((ds.Len() + batch - 1) / batch)
		for _, w := range workers {
			o := LoaderOptions{Batch: batch, Shuffle: true, Seed: 11, Workers: w}
			for epoch := range 2 {
				o.Start = int64(epoch) * perEpoch
				got := loaded(t, ds, o)
				require.True(t, maps.Equal(want[epoch], got), "%s: batch %d, %d workers, epoch %d", name, batch, w, epoch)
				for _, at := range []int64{1, perEpoch / 2, perEpoch - 1} {
					if at >= perEpoch {
						continue
					}
					rest := o
					rest.Start += at
					after := loaded(t, ds, rest)
					require.Equal(t, ds.Len()-int(at)*batch, sum(after))
					for image, n := range after {
						require.LessOrEqual(t, n, want[epoch][image], "%s: from batch %d", name, rest.Start)
					}
				}
			}
		}
	}
}

// dumped is an array of a dataset.
func dumped(t *testing.T, ds Dataset) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, Dump(t.Context(), ds, path, DumpOptions{}))
	return path
}

// Every source gives each image exactly once an epoch, with its label, whatever the batch, the workers and the start.
func TestEverySourceGivesEachImageOnceAnEpoch(t *testing.T) {
	specs := kinds(t)
	specs["glyphs"] = "glyphs"
	specs["packed"] = "packed:" + pack(t, opened(t, specs["folder"], Options{Size: square(8)}))
	specs["npy"] = "npy:" + dumped(t, opened(t, specs["folder"], Options{Size: square(9)}))
	for kind, spec := range specs {
		for _, o := range []Options{{Size: square(8), Limit: 300}, {Size: square(8), Limit: 300, Flip: true, Seed: 4, SkipCorrupt: 1}} {
			ds := opened(t, spec, o)
			images := once(t, ds, 0)
			require.Equal(t, ds.Len(), sum(images))
			if !o.Flip {
				require.Len(t, images, ds.Len(), "%s: the images of this test differ", kind)
			}
			eachOnce(t, kind, ds, []int{1, 7, 40, 64}, []int{1, 5})
		}
	}
}

// Real photographs, from the archive they come in.
func TestRealPhotographsComeOnceAnEpoch(t *testing.T) {
	zip := "zip:" + shared(t, "cifar10-jpeg") + "/train.zip"
	ds := opened(t, zip, Options{Size: square(16)})
	assert.Equal(t, 50000, ds.Len())
	assert.Equal(t, []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}, ds.Classes())
	cats := opened(t, zip, Options{Size: square(16), Filter: "cat,*ck", Limit: 6000, Rules: 1})
	for i, want := range map[int]int{0: 3, 4999: 3, 5000: 9, 5999: 9} {
		assert.Equal(t, want, cats.Label(i))
	}
	eachOnce(t, "cats", opened(t, zip, Options{Size: square(16), Filter: "cat", Limit: 700}), []int{64}, []int{3})
}

// descriptors is how many this process has open, -1 where the system does not tell.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// A loader that is cancelled or closed at any moment, and a source that is then closed, leave nothing behind: no
// goroutine and no descriptor.
func TestCancellingAtRandomMomentsLeavesNothing(t *testing.T) {
	specs := kinds(t)
	specs["packed"] = "packed:" + pack(t, opened(t, specs["folder"], Options{Size: square(8)}))
	specs["npy"] = "npy:" + dumped(t, opened(t, specs["folder"], Options{Size: square(9)}))
	goroutines, files := runtime.NumGoroutine(), descriptors()
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 20 {
		for kind, spec := range specs {
			ds, err := Open(spec, Options{Size: square(8), Flip: round%2 == 0, SkipCorrupt: round % 3})
			require.NoError(t, err)
			l, err := NewLoader(ds, LoaderOptions{Batch: 1 + r.IntN(50), Shuffle: true, Workers: 1 + r.IntN(6), Ahead: 1 + r.IntN(4)})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() {
				for {
					b, err := l.Next(ctx)
					if err != nil {
						ended <- err
						return
					}
					l.Recycle(b)
				}
			}()
			for range r.IntN(20) {
				runtime.Gosched()
			}
			if round%2 == 0 {
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled, kind)
				l.Close()
			} else {
				l.Close()
				require.ErrorIs(t, <-ended, errClosed, kind)
				cancel()
			}
			require.NoError(t, ds.Close())
		}
	}
	// A source that fails leaves nothing either.
	for _, spec := range []string{"zip:" + written(t, "x", []byte("no")), "tar:" + written(t, "x", gzipped(t, []byte("no"))), "tar:" + t.TempDir(), "npy:" + written(t, "x", []byte("no")), "npy:" + golden("fortran")} {
		_, err := Open(spec, Options{})
		require.Error(t, err)
	}
	for _, spec := range []string{specs["zip"], specs["tgz"], specs["npy"]} {
		_, err := Open(spec, Options{Filter: "none"})
		require.Error(t, err)
	}
	assert.Equal(t, files, descriptors(), "descriptors")
	// A goroutine counts until the runtime has buried it, a moment after its last statement.
	for range 1_000_000 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
}

// A source that breaks under a running loader ends it with the name of the file.
func TestASourceThatDisappearsEndsTheLoader(t *testing.T) {
	specs := kinds(t)
	for _, kind := range []string{"folder", "zip", "tar"} {
		ds := opened(t, specs[kind], Options{Size: square(8)})
		l, err := NewLoader(ds, LoaderOptions{Batch: 4, Shuffle: true, Workers: 3})
		require.NoError(t, err)
		defer l.Close()
		b, err := l.Next(context.Background())
		require.NoError(t, err)
		l.Recycle(b)
		path := specs[kind][len(kind)+1:]
		if kind == "folder" {
			require.NoError(t, os.RemoveAll(path))
		} else {
			require.NoError(t, os.Truncate(path, 100))
		}
		for range 100 {
			if b, err = l.Next(context.Background()); err != nil {
				break
			}
			l.Recycle(b)
		}
		require.ErrorContains(t, err, ".png: ", kind)
		assert.ErrorContains(t, err, fmt.Sprintf("data: %s: %s", kind, path))
		assert.ErrorContains(t, err, "changed while it was read: start again when it stays as it is")
	}
}
