package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// later makes folders that were changed now look settled.
func later(t *testing.T) {
	clock = func() time.Time { return time.Now().Add(time.Hour) }
	t.Cleanup(func() { clock = time.Now })
}

func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	return filepath.Join(dir, entries[0].Name())
}

func TestNamesComeBack(t *testing.T) {
	var l names
	var want []string
	for i := range 1000 {
		want = append(want, fmt.Sprintf("%s/%06d.jpg", strings.Repeat("deep/", i%7*20), i*i))
		l.add(want[i], int64(i)<<(i%40))
	}
	other, err := parseNames(l.n, l.blob)
	require.NoError(t, err)
	for _, list := range []*names{&l, &other} {
		for i, name := range want {
			got, size := list.at(i)
			require.Equal(t, name, got)
			require.Equal(t, int64(i)<<(i%40), size)
		}
		n := 0
		for i, name := range list.all() {
			require.Equal(t, want[i], name)
			n++
		}
		assert.Equal(t, 1000, n)
	}
	for cut := range l.blob[:200] {
		_, err := parseNames(l.n, l.blob[:cut])
		assert.ErrorIs(t, err, errNames)
	}
}

// CelebA's names and sizes take 11 bytes each.
func TestAMillionNamesAreSmall(t *testing.T) {
	var l names
	for i := range 1_000_000 {
		l.add(fmt.Sprintf("img_align_celeba/%06d.jpg", i), int64(5000+i%9000))
	}
	name, size := l.at(987_654)
	assert.Equal(t, "img_align_celeba/987654.jpg", name)
	assert.EqualValues(t, 5000+987_654%9000, size)
	t.Logf("%d bytes", len(l.blob)+8*len(l.starts))
	assert.Less(t, len(l.blob)+8*len(l.starts), 12_000_000)
}

func TestTheIndexOfAFolder(t *testing.T) {
	later(t)
	dir, cache := tree(t), filepath.Join(t.TempDir(), "not", "there", "yet")
	first := opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: cache})
	index := onlyFile(t, cache)
	kept, err := os.ReadFile(index)
	require.NoError(t, err)
	plain := opened(t, "folder:"+dir, Options{Size: square(4)})
	assert.Equal(t, plain.Fingerprint(), first.Fingerprint())

	// It is used: here it says that one image is not there.
	l, err := decodeList(kept)
	require.NoError(t, err)
	var fewer names
	for i, name := range l.files.all() {
		if i > 0 {
			_, size := l.files.at(i)
			fewer.add(name, size)
		}
	}
	whole := l.files
	l.files = fewer
	require.NoError(t, os.WriteFile(index, l.encode(), 0o644))
	assert.Equal(t, 3, opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: cache}).Len())
	l.files = whole
	assert.Equal(t, kept, l.encode())

	// And not when it is damaged: the folder is listed and the index made again.
	for _, damage := range [][]byte{nil, kept[:40], append([]byte("x"), kept...), append(kept[:60:60], append([]byte{kept[60] ^ 1}, kept[61:]...)...)} {
		require.NoError(t, os.WriteFile(index, damage, 0o644))
		ds := opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: cache})
		assert.Equal(t, 4, ds.Len())
		assert.Equal(t, []string{"a", "b"}, ds.Classes())
		assert.Equal(t, first.Fingerprint(), ds.Fingerprint())
		now, err := os.ReadFile(index)
		require.NoError(t, err)
		assert.Equal(t, kept, now)
	}
}

func TestAChangedFolderIsListedAnew(t *testing.T) {
	later(t)
	dir, cache := tree(t), t.TempDir()
	open := func() Dataset { return opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: cache}) }
	prints := map[string]bool{open().Fingerprint(): true}
	deep := filepath.Join(dir, "b", "deep")
	for _, change := range []func() error{
		func() error { return os.WriteFile(filepath.Join(deep, "5.png"), picture(t, 5), 0o644) },
		func() error { return os.Rename(filepath.Join(deep, "5.png"), filepath.Join(deep, "6.png")) },
		func() error { return os.Rename(filepath.Join(deep, "6.png"), filepath.Join(dir, "6.png")) },
		func() error { return os.Remove(filepath.Join(dir, "a", "10.png")) },
	} {
		require.NoError(t, change())
		fresh := opened(t, "folder:"+dir, Options{Size: square(4)})
		ds := open()
		assert.Equal(t, fresh.Fingerprint(), ds.Fingerprint())
		assert.False(t, prints[ds.Fingerprint()], "a changed set has another fingerprint")
		prints[ds.Fingerprint()] = true
	}
	// A file that was written to is found when it is read, and the next start lists the folder anew.
	path := filepath.Join(dir, "6.png")
	require.NoError(t, os.WriteFile(path, append(picture(t, 6), 0), 0o644))
	ds := open()
	var err error
	for i := range ds.Len() {
		if err = ds.Read(0, i, make([]byte, 48)); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, fmt.Sprintf("6.png: %d bytes, %d when it was listed", len(picture(t, 6))+1, len(picture(t, 6))))
	assert.ErrorContains(t, err, "the folder changed while it was read")
	again := open()
	for i := range again.Len() {
		require.NoError(t, again.Read(0, i, make([]byte, 48)))
	}
	assert.NotEqual(t, ds.Fingerprint(), again.Fingerprint())
}

func TestWhereNoIndexIsKept(t *testing.T) {
	dir := tree(t)
	cache := t.TempDir()
	opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: cache})
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Empty(t, left, "of a folder that changed a moment ago")
	later(t)
	for _, inside := range []string{dir, filepath.Join(dir, "runs", "1")} {
		opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: inside})
		found, err := filepath.Glob(filepath.Join(inside, "*.index"))
		require.NoError(t, err)
		assert.Empty(t, found, "in the user's folder")
	}
}

// A cache folder that cannot be written is no reason not to read: no list is kept, which is told once.
func TestAFolderIsReadWhereNoIndexCanBeKept(t *testing.T) {
	later(t)
	dir, file := tree(t), written(t, "file", nil)
	for name, cache := range map[string]string{"no folder": file, "below none": filepath.Join(file, "data"), "on no disk": "/proc/forger"} {
		var warned []string
		ds := opened(t, "folder:"+dir, Options{Size: square(4), CacheDir: cache, Warn: func(text string) { warned = append(warned, text) }})
		assert.Equal(t, 4, ds.Len(), name)
		require.Len(t, warned, 1, name)
		assert.Contains(t, warned[0], "the list of "+dir+" is not kept for the next start: ", name)
		assert.Contains(t, warned[0], "XDG_CACHE_HOME", name)
	}
}

// What took the place of a file is named, and a pipe is not waited for.
func TestAFolderThatChangesWhileItIsRead(t *testing.T) {
	dir := tree(t)
	ds := opened(t, "folder:"+dir, Options{Size: square(4)})
	path := filepath.Join(dir, "a", "10.png")
	for want, change := range map[string]func() error{
		"not a regular file any more: not what it was": func() error { return syscall.Mkfifo(path, 0o644) },
		"no such file or directory":                    func() error { return nil },
		"3 bytes, ":                                    func() error { return os.WriteFile(path, []byte("new"), 0o644) },
		"not a regular file any more":                  func() error { return os.Mkdir(path, 0o755) },
	} {
		require.NoError(t, os.RemoveAll(path))
		require.NoError(t, change())
		err := ds.Read(0, 0, make([]byte, 48))
		require.ErrorContains(t, err, path+": "+want)
		assert.ErrorContains(t, err, "the folder changed while it was read")
		assert.Nil(t, corrupt(err))
	}
}
