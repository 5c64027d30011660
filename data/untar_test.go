package data

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// linked is a tar with these entries; a link's body is where it leads.
func linkedTar(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Typeflag: e.kind, ModTime: time.Unix(1.7e9, 0)}
		if e.kind == 0 {
			h.Size = int64(len(e.body))
		} else {
			h.Linkname = string(e.body)
		}
		require.NoError(t, w.WriteHeader(h))
		if e.kind == 0 {
			_, err := w.Write(e.body)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// What is no image does not refuse an archive, another name of a file is that file, and what was appended later counts.
func TestLinksAndDuplicatesOfATar(t *testing.T) {
	file := linkedTar(t,
		entry{"cat/1.png", picture(t, 1), 0}, entry{"dog/2.png", picture(t, 2), 0}, entry{"labels.csv", []byte("cat/1.png,x\ncat/gone.png,y\n"), 0},
		entry{"kitten", []byte("cat"), tar.TypeSymlink}, entry{"notes.txt", []byte("dog/2.png"), tar.TypeLink},
		entry{"null", nil, tar.TypeChar}, entry{"pipe", nil, tar.TypeFifo},
		entry{"dog/3.png", []byte("cat/1.png"), tar.TypeLink},
		entry{"cat/1.png", append(picture(t, 4), 0, 0, 0), 0}, // another length
		entry{"cat/5.png", []byte("./cat/1.png"), tar.TypeLink},
		entry{"labels.csv", []byte("dog/3.png,bird\n"), 0},
	)
	for name, b := range map[string][]byte{"x.tar": file, "x.tgz": gzipped(t, file)} {
		ds := opened(t, "tar:"+written(t, name, b), Options{})
		require.Equal(t, 4, ds.Len(), name)
		var got []int
		for i := range 4 {
			got = append(got, int(read(t, ds, 0, i)[0]))
		}
		assert.Equal(t, []int{4, 2, 1, 4}, got, name)
		assert.Equal(t, []string{"bird", "cat", "dog"}, ds.Classes())
		assert.Equal(t, []int{1, 2, 0, 1}, []int{ds.Label(0), ds.Label(1), ds.Label(2), ds.Label(3)})
		assert.Equal(t, "4 files: without an ending 3, .txt 1", PassedOver(ds))
		other := opened(t, "tar:"+written(t, name, tarOf(t, entry{"cat/1.png", picture(t, 4), 0})), Options{})
		assert.NotEqual(t, other.Fingerprint(), ds.Fingerprint())
	}
	for want, e := range map[string]entry{
		"dog/6.png: a hard link to labels.csv, which is no image before it": {"dog/6.png", []byte("labels.csv"), tar.TypeLink},
		"dog/6.png: a hard link to later.png, which is no image before it":  {"dog/6.png", []byte("later.png"), tar.TypeLink},
		"dog/6.png: a hard link to ../1.png: a path with ..":                {"dog/6.png", []byte("../1.png"), tar.TypeLink},
	} {
		_, err := Open("tar:"+written(t, "x.tar", linkedTar(t, entry{"labels.csv", nil, 0}, e)), Options{})
		assert.ErrorContains(t, err, want)
	}
}

// A compressed archive is unpacked once: the next start reads what was kept, as long as the archive is the same.
func TestWhatIsUnpackedIsKept(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "made")
	entries := []entry{{"cat/1.png", picture(t, 1), 0}, {"dog/2.png", picture(t, 2), 0}, {"x.txt", make([]byte, 1<<17), 0}}
	path := written(t, "x.tgz", gzipped(t, tarOf(t, entries...)))
	told, last := 0, int64(0)
	open := func() Dataset {
		told = 0
		ds := opened(t, "tar:"+path, Options{CacheDir: cache, Unpacking: func(done, total int64) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, info.Size(), total)
			told, last = told+1, done
		}})
		assert.Equal(t, []string{"cat", "dog"}, ds.Classes())
		assert.Equal(t, "1 file: .txt 1", PassedOver(ds))
		assert.EqualValues(t, 2, read(t, ds, 0, 1)[0])
		return ds
	}
	first := open()
	assert.Positive(t, told)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, info.Size(), last)
	kept := onlyFile(t, cache)
	again := open()
	assert.Zero(t, told, "not unpacked again")
	assert.Equal(t, first.Fingerprint(), again.Fingerprint())
	assert.Contains(t, again.(*imageFiles).file(0), "x.tgz: cat/1.png", "the archive's own name is told")

	// What was kept is not trusted when it is cut.
	require.NoError(t, os.Truncate(kept, 700))
	assert.Equal(t, first.Fingerprint(), open().Fingerprint())
	assert.Positive(t, told)
	assert.Equal(t, kept, onlyFile(t, cache))

	// Another archive of that name takes its place, though it has size and time of the first.
	before, err := os.Stat(path)
	require.NoError(t, err)
	entries[0].body, entries[1].body = entries[1].body, entries[0].body
	require.NoError(t, os.WriteFile(path, gzipped(t, tarOf(t, entries...)), 0o644))
	require.NoError(t, os.Chtimes(path, time.Time{}, before.ModTime()))
	ds := opened(t, "tar:"+path, Options{CacheDir: cache})
	assert.EqualValues(t, 1, read(t, ds, 0, 1)[0])
	assert.NotEqual(t, kept, onlyFile(t, cache))

	// A damaged archive leaves nothing.
	damaged := written(t, "y.tgz", gzipped(t, tarOf(t, entries...))[:200])
	_, err = Open("tar:"+damaged, Options{CacheDir: cache})
	require.Error(t, err)
	onlyFile(t, cache)
}
