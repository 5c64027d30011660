package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asSources writes entries as each kind of source of files.
func asSources(t *testing.T, entries ...entry) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for _, e := range entries {
		path := filepath.Join(dir, e.name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, e.body, 0o644))
	}
	plain := tarOf(t, entries...)
	return map[string]string{
		"folder": "folder:" + dir, "tar": "tar:" + written(t, "x.tar", plain), "tgz": "tar:" + written(t, "x.tgz", gzipped(t, plain)),
		"zip": "zip:" + written(t, "x.zip", zipOf(t, entries...)),
	}
}

// As WebDataset lays them: beside NAME.jpg lies NAME.cls or NAME.json, which names its class. Classes that are numbers are in
// the order of numbers.
func TestLabelsBesideThePictures(t *testing.T) {
	later(t)
	text := func(name, body string) entry { return entry{name, []byte(body), 0} }
	for kind, spec := range asSources(t,
		entry{"000/a.seg.png", picture(t, 1), 0}, text("000/a.cls", "10\n"),
		entry{"000/b.png", picture(t, 2), 0}, text("000/b.json", `{"caption": "x", "label": 9}`),
		entry{"000/c.png", picture(t, 3), 0}, text("000/c.json", `{"class": "9"}`), text("000/c.txt", "a cat"),
		entry{"001/d.png", picture(t, 4), 0}, text("001/d.json", `{"caption": "no class"}`),
		entry{"001/e.png", picture(t, 5), 0}, text("001/f.cls", "of nothing"),
	) {
		cache := t.TempDir()
		for range 2 {
			ds := opened(t, spec, Options{CacheDir: cache})
			assert.Equal(t, []string{"9", "10"}, ds.Classes(), kind)
			assert.Equal(t, map[int]string{1: "10", 2: "9", 3: "9", 4: "", 5: ""}, numbers(t, ds), kind)
		}
		ds := opened(t, spec, Options{})
		assert.Equal(t, "2 files: .cls 1, .txt 1", PassedOver(ds), kind)
		first := opened(t, spec, Options{Rules: 1})
		assert.Equal(t, []string{"000", "001"}, first.Classes(), "%s: as the first runs had it", kind)
		assert.True(t, strings.HasPrefix(ds.Fingerprint(), first.Fingerprint()+" sidecars sha256:"), kind)
	}
	other := asSources(t, entry{"000/a.png", picture(t, 1), 0}, text("000/a.cls", "1"))["folder"]
	before := opened(t, other, Options{}).Fingerprint()
	require.NoError(t, os.WriteFile(filepath.Join(strings.TrimPrefix(other, "folder:"), "000/a.cls"), []byte("2"), 0o644))
	assert.NotEqual(t, before, opened(t, other, Options{}).Fingerprint(), "other labels are another set")

	// A labels file counts for more.
	for kind, spec := range asSources(t, entry{"a.png", picture(t, 1), 0}, text("a.cls", "x"), text("labels.csv", "a.png,y\n")) {
		assert.Equal(t, map[int]string{1: "y"}, numbers(t, opened(t, spec, Options{})), kind)
	}
	for want, e := range map[string]entry{
		"a.cls: it names no class: write one in one line":     text("a.cls", " \n"),
		"a.cls: it names no class: write one in one line,":    text("a.cls", "one\ntwo"),
		"a.json: no JSON: mend or remove it":                  text("a.json", "{"),
		"a.json: it names no class: write one in one line":    text("a.json", `{"cls": "a\nb"}`),
		fmt.Sprintf("a.json: more than %d bytes", maxSidecar): text("a.json", strings.Repeat(" ", maxSidecar+1)),
	} {
		for kind, spec := range asSources(t, entry{"a.png", picture(t, 1), 0}, e) {
			_, err := Open(spec, Options{})
			require.ErrorContains(t, err, strings.TrimSuffix(want, ","), kind)
			assert.NotContains(t, err.Error(), "\n")
		}
	}
}

func FuzzSidecar(f *testing.F) {
	for _, text := range []string{"", "3", `"cat"`, `{"label": 1e400}`, `{"label": [1]}`, `{"cls": {"label": "x"}}`, "\xff\xfe", "[[[[", "a\x00b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"a.cls", "a.json"} {
			class, err := sideLabel(name, []byte(text))
			if err != nil {
				require.Empty(t, class)
				require.NotContains(t, err.Error(), "\n")
			}
			require.NotContains(t, class, "\n")
		}
	})
}

// A range of numbers names the files of one set: their names may repeat, their classes are those of all.
func TestShardsAreOneSet(t *testing.T) {
	dir := t.TempDir()
	for i := range 12 {
		b := tarOf(t, entry{fmt.Sprintf("class%d/same.png", i%3), picture(t, i), 0}, entry{"x.txt", nil, 0})
		if i%2 == 1 {
			b = gzipped(t, b)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("s-%03d.tar", i)), b, 0o644))
	}
	cache := t.TempDir()
	var prints []string
	for range 2 {
		ds := opened(t, "tar:"+dir+"/s-{000..011}.tar", Options{CacheDir: cache})
		require.Equal(t, 12, ds.Len())
		assert.Equal(t, []string{"class0", "class1", "class2"}, ds.Classes())
		for i := range 12 {
			assert.EqualValues(t, i, read(t, ds, 0, i)[0])
			assert.Equal(t, i%3, ds.Label(i))
		}
		assert.Equal(t, "12 files: .txt 12", PassedOver(ds))
		prints = append(prints, ds.Fingerprint())
	}
	assert.Equal(t, prints[0], prints[1])
	assert.NotEqual(t, prints[0], opened(t, "tar:"+dir+"/s-{000..010}.tar", Options{}).Fingerprint())
	one, same := opened(t, "tar:"+dir+"/s-{000..000}.tar", Options{}), opened(t, "tar:"+dir+"/s-000.tar", Options{})
	assert.Equal(t, same.Fingerprint(), one.Fingerprint())

	_, err := Open("tar:"+dir+"/s-{010..012}.tar", Options{})
	assert.ErrorContains(t, err, "s-012.tar: no such file or directory: name an archive that can be read")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s-012.tar"), []byte("no tar"), 0o644))
	_, err = Open("tar:"+dir+"/s-{010..012}.tar", Options{})
	assert.ErrorContains(t, err, "data: tar: "+dir+"/s-012.tar: at its beginning")
	ds := opened(t, "tar:"+dir+"/s-{000..002}.tar", Options{Size: square(4)})
	require.NoError(t, os.Truncate(filepath.Join(dir, "s-002.tar"), 600))
	assert.ErrorContains(t, ds.Read(0, 2, make([]byte, 48)), dir+"/s-002.tar: class2/same.png: the archive was written to")
}

func TestRangesOfShards(t *testing.T) {
	for path, want := range map[string][]string{
		"a.tar":             {"a.tar"},
		"a-{08..11}.tar":    {"a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"},
		"{1..2}/{9..10}.t":  {"1/9.t", "1/10.t", "2/9.t", "2/10.t"},
		"a-{x..y}-{}.tar":   {"a-{x..y}-{}.tar"},
		"{0..0}{00..01}.gz": {"000.gz", "001.gz"},
	} {
		got, err := shards(path)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, path := range []string{"{2..1}.tar", "{0..999999999}.tar", "{0..999}{0..999}.tar"} {
		_, err := shards(path)
		assert.ErrorContains(t, err, "no range of at most 65535 files")
	}
	odd := filepath.Join(t.TempDir(), "{1..2}.tar")
	require.NoError(t, os.WriteFile(odd, nil, 0o644))
	got, err := shards(odd)
	require.NoError(t, err)
	assert.Equal(t, []string{odd}, got, "a file of that very name")
}
