package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds are the sources of labelled images: 40 images, i with label i mod 4 (mod 10 in cifar10 and mnist), the sources
// of files named class0 to class3.
func kinds(t testing.TB) map[string]string {
	t.Helper()
	dir := t.TempDir()
	var entries []entry
	for class := range 4 {
		for i := class; i < 40; i += 4 {
			entries = append(entries, entry{fmt.Sprintf("class%d/%03d.png", class, i), picture(t, i), 0})
		}
	}
	for _, e := range entries {
		path := filepath.Join(dir, "folder", e.name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, e.body, 0o644))
	}
	plain := tarOf(t, entries...)
	for name, b := range map[string][]byte{"x.zip": zipOf(t, entries...), "x.tar": plain, "x.tgz": gzipped(t, plain), "x.tar.zst": zstded(t, plain)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	var pixels, labels []byte
	for i := range 40 {
		pixels = append(pixels, byte(i), 0, 9, byte(i))
		labels = append(labels, byte(i%10))
	}
	mnist := filepath.Join(dir, "mnist")
	require.NoError(t, os.Mkdir(mnist, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(mnist, "train-images-idx3-ubyte"), idxFile(0x803, []uint32{40, 2, 2}, pixels), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(mnist, "train-labels-idx1-ubyte"), idxFile(0x801, []uint32{40}, labels), 0o644))
	return map[string]string{
		"folder": "folder:" + filepath.Join(dir, "folder"), "zip": "zip:" + filepath.Join(dir, "x.zip"),
		"tar": "tar:" + filepath.Join(dir, "x.tar"), "tgz": "tar:" + filepath.Join(dir, "x.tgz"), "zst": "tar:" + filepath.Join(dir, "x.tar.zst"),
		"cifar10": "cifar10:" + writeCIFAR(t, filepath.Join(dir, "cifar"), 8), "mnist": "mnist:" + mnist,
	}
}

// square is the size of images of n x n.
func square(n int) vision.Size { return vision.Square(n) }

func opened(t testing.TB, spec string, o Options) Dataset {
	t.Helper()
	ds, err := Open(spec, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ds.Close()) })
	return ds
}

func TestFilterAndLimit(t *testing.T) {
	for kind, spec := range kinds(t) {
		names, per := []string{"class1", "class3"}, 10
		if kind == "mnist" || kind == "cifar10" {
			names, per = []string{"1", "3"}, 4
		}
		all := opened(t, spec, Options{})
		want := map[string]int{}
		for i := range all.Len() {
			if l := all.Label(i); l == 1 || l == 3 {
				want[string(read(t, all, 0, i))] = l
			}
		}
		require.Len(t, want, 2*per)
		for _, filter := range []string{names[0] + "," + names[1], names[1] + ", *1", "*[13]"} {
			some := opened(t, spec, Options{Filter: filter})
			assert.Equal(t, all.Classes(), some.Classes())
			got := map[string]int{}
			for i := range some.Len() {
				got[string(read(t, some, 0, i))] = some.Label(i)
			}
			assert.Equal(t, want, got, "%s %s", spec, filter)
			assert.NotEqual(t, all.Fingerprint(), some.Fingerprint())
		}
		first := opened(t, spec, Options{Limit: 7, Rules: 1})
		require.Equal(t, 7, first.Len())
		assert.Equal(t, all.Fingerprint()+" limit 7", first.Fingerprint(), "as runs have it that began so")
		for i := range 7 {
			assert.Equal(t, read(t, all, 0, i), read(t, first, 0, i))
			assert.Equal(t, all.Label(i), first.Label(i))
		}
		assert.NotEqual(t, all.Fingerprint(), first.Fingerprint())
		both := opened(t, spec, Options{Filter: names[1], Limit: 3})
		assert.Equal(t, []int{3, 3, 3}, []int{both.Label(0), both.Label(1), both.Label(2)})
		assert.Equal(t, 3, both.Len())
		assert.Equal(t, all.Fingerprint(), opened(t, spec, Options{Limit: 1000}).Fingerprint())

		_, err := Open(spec, Options{Filter: names[0] + ",clas"})
		assert.ErrorContains(t, err, `"clas" matches no label of `+spec+": have "+all.Classes()[0]+", ")
	}
}

// A limit leaves a choice over the whole set, which the seed decides and a larger limit holds too.
func TestALimitIsAChoiceBySeed(t *testing.T) {
	for kind, spec := range kinds(t) {
		all := opened(t, spec, Options{})
		number := map[string]int{}
		for i := range all.Len() {
			number[string(read(t, all, 0, i))] = i
		}
		chosen := func(o Options) (images []int) {
			ds := opened(t, spec, o)
			require.Equal(t, o.Limit, ds.Len())
			for i := range ds.Len() {
				at := number[string(read(t, ds, 0, i))]
				assert.Equal(t, all.Label(at), ds.Label(i))
				images = append(images, at)
			}
			return images
		}
		counts := make([]int, all.Len())
		for seed := range uint64(50) {
			images := chosen(Options{Limit: 4, Seed: seed})
			assert.True(t, slices.IsSorted(images), "in the source's order")
			assert.Equal(t, images, chosen(Options{Limit: 4, Seed: seed}))
			more := chosen(Options{Limit: 9, Seed: seed})
			for _, i := range images {
				counts[i]++
				assert.Contains(t, more, i)
			}
		}
		for i, n := range counts {
			assert.NotZero(t, n, "%s: image %d is never chosen", kind, i)
		}
		assert.NotEqual(t, opened(t, spec, Options{Limit: 4}).Fingerprint(), opened(t, spec, Options{Limit: 4, Seed: 1}).Fingerprint())
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for want, o := range map[string]Options{
		"size -1: no image has it":         {Size: square(-1)},
		"channels 2: neither gray nor RGB": {Channels: 2},
		`filter "a,[": [ is no glob`:       {Filter: "a,["},
		"limit -1, skip-corrupt 0: ":       {Limit: -1},
		"limit 0, skip-corrupt -2: n":      {SkipCorrupt: -2},
		"crop-before -1, max-pixels 0: ":   {CropBefore: -1},
		"crop-before 0, max-pixels -3: n":  {MaxPixels: -3},
	} {
		var e *SpecError
		require.ErrorAs(t, o.validate(), &e)
		assert.Contains(t, e.Msg, want)
		_, err := Open("glyphs", o)
		assert.ErrorAs(t, err, &e)
	}
	for _, spec := range []string{"glyphs", kinds(t)["mnist"], kinds(t)["cifar10"]} {
		var e *SpecError
		_, err := Open(spec, Options{CropBefore: 20})
		require.ErrorAs(t, err, &e)
		assert.Contains(t, e.Msg, "crop-before 20 is for image files")
	}
	for text, want := range map[string]*[3]byte{"": nil, "#0a0B0c": {10, 11, 12}, "FFFFFF": {255, 255, 255}} {
		got, err := parseBackground(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"red", "#fff", "0x1234", "+12345", "1234567"} {
		var e *SpecError
		_, err := parseBackground(text)
		require.ErrorAs(t, err, &e, text)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1.png"), picture(t, 1), 0o644))
	_, err := Open("folder:"+dir, Options{Filter: "x"})
	assert.ErrorContains(t, err, "has no labels: remove the filter")
}

// The labels file overrides folders, in each source that may hold one; the others keep what they have.
func TestLabelsFile(t *testing.T) {
	const table = "path,label\na/1.png,zebra\n./b/2.png,\"a, quoted\"\n"
	for name, text := range map[string]string{"heading": table, "none": strings.TrimPrefix(table, "path,label\n"), "mark": "\ufeff" + table, "crlf": strings.ReplaceAll(table, "\n", "\r\n")} {
		for kind, spec := range withTable(t, text) {
			ds := opened(t, spec, Options{})
			require.Equal(t, 3, ds.Len())
			assert.Equal(t, []string{"a, quoted", "b", "zebra"}, ds.Classes(), "%s %s", kind, name)
			assert.Equal(t, []int{2, 0, 1}, []int{ds.Label(0), ds.Label(1), ds.Label(2)}, "%s %s", kind, name)
			other := opened(t, withTable(t, text+"b/3.png,zebra\n")[kind], Options{})
			assert.NotEqual(t, ds.Fingerprint(), other.Fingerprint())
		}
	}
	for text, want := range map[string]string{
		"a/1.png,x\nc/9.png,y\n":     "line 2: c/9.png: no such image",
		"a/1.png,x\na/1.png,y\n":     "line 2: a/1.png has a label in line 1",
		"a/1.png\n":                  "line 1: wrong number of fields",
		"path,label\na/1.png,\n":     "line 2: no label",
		",x\n":                       "line 1: no path",
		"a/1.png,x\nb/2.png,\"open":  "line 2: ",
		"path,label\n/a/1.png,x\n\n": "line 2: /a/1.png: no such image",
	} {
		for kind, spec := range withTable(t, text) {
			_, err := Open(spec, Options{})
			require.ErrorContains(t, err, want, kind)
			assert.ErrorContains(t, err, "labels.csv: ")
			assert.NotContains(t, err.Error(), "\n")
		}
	}
}

// withTable is a folder and archives of a/1.png, b/2.png, b/3.png and a labels file, the archives with a folder around.
func withTable(t *testing.T, text string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	entries := []entry{{"a/1.png", picture(t, 1), 0}, {"b/2.png", picture(t, 2), 0}, {"b/3.png", picture(t, 3), 0}, {"labels.csv", []byte(text), 0}}
	var below []entry
	for _, e := range entries {
		path := filepath.Join(dir, "folder", e.name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, e.body, 0o644))
		below = append(below, entry{"./top/" + e.name, e.body, 0})
	}
	return map[string]string{
		"folder": "folder:" + filepath.Join(dir, "folder"), "zip": "zip:" + written(t, "x.zip", zipOf(t, entries...)),
		"tar": "tar:" + written(t, "x.tar", tarOf(t, below...)), "tgz": "tar:" + written(t, "x.tgz", gzipped(t, tarOf(t, below...))),
		"zip below": "zip:" + written(t, "x.zip", zipOf(t, below...)),
	}
}

func TestFlip(t *testing.T) {
	for _, spec := range kinds(t) {
		for _, channels := range []int{1, 3} {
			plain, flipped := opened(t, spec, Options{Channels: channels, Seed: 3}), opened(t, spec, Options{Channels: channels, Seed: 3, Flip: true})
			width, turned := plain.Shape().Width, 0
			for epoch := range 4 {
				for i := range plain.Len() {
					want := read(t, plain, epoch, i)
					if Flipped(3, epoch, i) {
						turned++
						mirrored := make([]byte, len(want))
						for at := range len(want) / channels {
							x := at % width
							copy(mirrored[(at-x+width-1-x)*channels:][:channels], want[at*channels:])
						}
						want = mirrored
					}
					require.Equal(t, want, read(t, flipped, epoch, i))
				}
			}
			assert.InDelta(t, 80, turned, 25, "half of 160")
			assert.Equal(t, plain.Fingerprint(), flipped.Fingerprint())
		}
	}
	differ := [3]int{}
	for i := range 1000 {
		for k, other := range []bool{Flipped(1, 1, i), Flipped(2, 0, i), Flipped(1, 0, i+1)} {
			if Flipped(1, 0, i) != other {
				differ[k]++
			}
		}
	}
	for _, n := range differ {
		assert.InDelta(t, 500, n, 80, "each epoch, seed and image has a coin of its own")
	}
}
