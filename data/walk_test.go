package data

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plant writes pictures of those numbers below dir, "NAME": number.
func plant(t *testing.T, dir string, pictures map[string]int) {
	t.Helper()
	for name, number := range pictures {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, picture(t, number), 0o644))
	}
}

func link(t *testing.T, to, from string) {
	t.Helper()
	require.NoError(t, os.Symlink(to, from))
}

// numbers are those of a set's pictures with their labels.
func numbers(t *testing.T, ds Dataset) map[int]string {
	t.Helper()
	all := map[int]string{}
	for i := range ds.Len() {
		label, number := "", int(read(t, ds, 0, i)[0]) // read first: another image may stand in for it
		if l := ds.Label(i); l >= 0 {
			label = ds.Classes()[l]
		}
		all[number] = label
	}
	return all
}

// A class may be a link to a folder elsewhere; no folder is listed twice, and circles end.
func TestLinkedFoldersAreFollowed(t *testing.T) {
	elsewhere, dir := t.TempDir(), filepath.Join(t.TempDir(), "set")
	plant(t, elsewhere, map[string]int{"cats/1.png": 1, "cats/deep/2.png": 2, "dogs/3.png": 3})
	plant(t, dir, map[string]int{"own/4.png": 4})
	link(t, filepath.Join(elsewhere, "cats"), filepath.Join(dir, "cat"))
	link(t, filepath.Join(elsewhere, "cats"), filepath.Join(dir, "kitten")) // as another link
	link(t, "own", filepath.Join(dir, "alias"))                             // in the tree anyway
	link(t, dir, filepath.Join(dir, "own", "up"))                           // a circle
	link(t, elsewhere, filepath.Join(elsewhere, "cats", "round"))           // and one outside, which leads to the dogs
	link(t, filepath.Dir(dir), filepath.Join(dir, "own", "around"))         // to what the set lies in

	later(t)
	cache := t.TempDir()
	for range 2 { // listed, and from the list that was kept
		ds := opened(t, "folder:"+dir, Options{CacheDir: cache})
		assert.Equal(t, map[int]string{1: "cat", 2: "cat", 3: "cat", 4: "own"}, numbers(t, ds))
	}
	ds := opened(t, "folder:"+dir, Options{})
	assert.Equal(t, "5 files: links to folders 5", PassedOver(ds))
	assert.Equal(t, ds.Fingerprint(), opened(t, "folder:"+dir, Options{CacheDir: cache}).Fingerprint())

	first := opened(t, "folder:"+dir, Options{CacheDir: cache, Rules: 1})
	assert.Equal(t, map[int]string{4: "own"}, numbers(t, first), "as the first runs had it")

	// A change behind a link is a change.
	plant(t, elsewhere, map[string]int{"cats/deep/5.png": 5})
	assert.Len(t, numbers(t, opened(t, "folder:"+dir, Options{CacheDir: cache})), 5)
}

// A name is bytes: one that is not UTF-8 is listed, shown and read like another.
func TestNamesThatAreNotUTF8(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]int{"caf\xe9/1\xff.png": 1, "dog/2.png": 2})
	ds := opened(t, "folder:"+dir, Options{})
	assert.Equal(t, map[int]string{1: `caf\xe9`, 2: "dog"}, numbers(t, ds))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "caf\xe9/1\xff.png"), []byte("x"), 0o644))
	err := opened(t, "folder:"+dir, Options{Size: square(4)}).Read(0, 0, make([]byte, 48))
	assert.ErrorContains(t, err, `"caf\xe9/1\xff.png": not a `)
}

// A link that leads nowhere is a broken file among others, not the end of the set.
func TestADanglingLinkIsABrokenFile(t *testing.T) {
	later(t)
	dir, cache := t.TempDir(), t.TempDir()
	plant(t, dir, map[string]int{"a/1.png": 1, "b/3.png": 3})
	link(t, filepath.Join(dir, "gone"), filepath.Join(dir, "a", "2.png"))
	link(t, "4.png", filepath.Join(dir, "b", "4.png")) // to itself
	link(t, "nowhere", filepath.Join(dir, "a", "notes"))
	open := func(skip int) Dataset { return opened(t, "folder:"+dir, Options{CacheDir: cache, SkipCorrupt: skip}) }
	ds := open(0)
	require.Equal(t, 4, ds.Len())
	err := ds.Read(0, 1, make([]byte, 48))
	assert.ErrorContains(t, err, "a/2.png: no such file or directory: mend or remove the file, or allow for some with --skip-corrupt")
	assert.ErrorContains(t, ds.Read(0, 3, make([]byte, 48)), "b/4.png: too many levels of symbolic links: mend")
	assert.Equal(t, map[int]string{1: "a", 3: "b"}, numbers(t, open(2)))
	r, err := Check(t.Context(), ds, CheckOptions{})
	require.NoError(t, err)
	assert.Len(t, r.Broken, 2)
	assert.Empty(t, r.Unread)

	// What it leads to may come back: then the list is not what it was.
	plant(t, dir, map[string]int{"gone": 2})
	assert.ErrorContains(t, ds.Read(0, 1, make([]byte, 48)), "it can be read now: not what it was when it was listed: the folder changed")
	require.NoError(t, os.Remove(filepath.Join(dir, "b", "4.png")))
	assert.Equal(t, map[int]string{1: "a", 2: "a", 3: "b"}, numbers(t, open(0)))
}

// A folder that may not be read is a broken file too. Nobody forbids root anything, so a process without rights looks.
func TestAnUnreadableFolderIsABrokenFile(t *testing.T) {
	if dir := os.Getenv("FORGER_TEST_UNREADABLE"); dir != "" {
		ds := opened(t, "folder:"+dir, Options{})
		require.Equal(t, 4, ds.Len())
		err := ds.Read(0, 1, make([]byte, 48))
		assert.ErrorContains(t, err, filepath.Join(dir, "b")+": permission denied: mend or remove the file, or allow for some with --skip-corrupt")
		assert.ErrorContains(t, ds.Read(0, 2, make([]byte, 48)), "c/3.png: permission denied: mend")
		assert.Equal(t, map[int]string{1: "a", 4: "d"}, numbers(t, opened(t, "folder:"+dir, Options{SkipCorrupt: 2})))
		return
	}
	dir, err := os.MkdirTemp("", "forger-unreadable")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, os.Chmod(filepath.Join(dir, "b"), 0o755))
		require.NoError(t, os.Chmod(filepath.Join(dir, "c"), 0o755))
		require.NoError(t, os.RemoveAll(dir))
	})
	plant(t, dir, map[string]int{"a/1.png": 1, "b/2.png": 2, "c/3.png": 3, "d/4.png": 4})
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "b"), 0))
	require.NoError(t, os.Chmod(filepath.Join(dir, "c"), 0o444))
	program := filepath.Join(dir, "data.test")
	file, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, file, 0o755))
	cmd := exec.Command(program, "-test.run", "^TestAnUnreadableFolderIsABrokenFile$", "-test.v")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "FORGER_TEST_UNREADABLE="+dir, "HOME="+dir, "TMPDIR="+dir)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skipf("SKIPPED: no process of another user can be started: %v", err)
	}
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestAnUnreadableFolderIsABrokenFile")
}

// What is passed over is counted, by ending.
func TestWhatIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]int{"a/1.png": 1, "a/2.JFIF": 2, "a/x.xyz": 3, "a/y.XYZ": 4, "a/LICENSE": 5, ".hidden/z": 6})
	require.NoError(t, os.WriteFile(filepath.Join(dir, labelsFile), []byte("a/1.png,x\n"), 0o644))
	for _, o := range []Options{{}, {Filter: "*", Limit: 1, Flip: true, SkipCorrupt: 1, CacheBytes: 1 << 20}} {
		assert.Equal(t, "3 files: .xyz 2, without an ending 1", PassedOver(opened(t, "folder:"+dir, o)))
	}
	files := []entry{{"a/1.png", picture(t, 1), 0}, {"a/x.heic", nil, 0}, {"a/y.heic", nil, 0}, {"a/.z", nil, 0}, {"b.txt", nil, 0}}
	for kind, b := range map[string][]byte{"tar": tarOf(t, files...), "zip": zipOf(t, files...)} {
		assert.Equal(t, "3 files: .heic 2, .txt 1", PassedOver(opened(t, kind+":"+written(t, "x", b), Options{})), kind)
	}
	assert.Empty(t, PassedOver(opened(t, "glyphs", Options{})))
}
