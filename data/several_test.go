package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/internal/setting"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartsOfAMixture(t *testing.T) {
	for spec, want := range map[string][]string{
		"glyphs":                             {"glyphs"},
		"folder:a + zip:b.zip":               {"folder:a", "zip:b.zip"},
		"glyphs + glyphs + folder:x":         {"glyphs", "glyphs", "folder:x"},
		"folder:cats + dogs":                 {"folder:cats + dogs"},
		"folder:cats + dogs + tar:a + b.tar": {"folder:cats + dogs", "tar:a + b.tar"},
		"folder:a + zipped:b":                {"folder:a + zipped:b"},
	} {
		assert.Equal(t, want, parts(spec))
	}
	var e *SpecError
	_, err := Open("glyphs + folder:", Options{})
	require.ErrorAs(t, err, &e)
	assert.ErrorContains(t, err, `data "folder:": no path given`)
}

// twoSets are a folder of the numbers 0 to 9 in the classes 0 to 2, and an archive of 100 to 102 in the classes 2 and "x".
func twoSets(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 10 {
		plant(t, dir, map[string]int{fmt.Sprintf("%d/%d.png", i%3, i): i})
	}
	return "folder:" + dir + " + zip:" + written(t, "x.zip", zipOf(t,
		entry{"2/100.png", picture(t, 100), 0}, entry{"x/101.png", picture(t, 101), 0}, entry{"x/102.png", picture(t, 102), 0}))
}

// counts is how often each number comes in an epoch.
func counts(t *testing.T, ds Dataset) map[int]int {
	t.Helper()
	all := map[int]int{}
	for i := range ds.Len() {
		all[int(read(t, ds, 0, i)[0])]++
	}
	return all
}

// A mixture shows each element of its parts once an epoch, under the classes of all.
func TestAMixtureIsItsParts(t *testing.T) {
	spec := twoSets(t)
	ds := opened(t, spec, Options{})
	assert.Equal(t, spec, ds.Spec())
	assert.Equal(t, []string{"0", "1", "2", "x"}, ds.Classes())
	require.Equal(t, 13, ds.Len())
	want := map[int]string{100: "2", 101: "x", 102: "x"}
	for i := range 10 {
		want[i] = fmt.Sprint(i % 3)
	}
	assert.Equal(t, want, numbers(t, ds))
	assert.Equal(t, Shape{Height: 4, Width: 4, Channels: 3}, ds.Shape())
	both := strings.Split(spec, joint)
	assert.Equal(t, "mixture of 10 of ("+opened(t, both[0], Options{}).Fingerprint()+") + 3 of ("+opened(t, both[1], Options{}).Fingerprint()+")", ds.Fingerprint())

	some := opened(t, spec, Options{Filter: "2,x", SkipCorrupt: 1, CacheBytes: 1 << 20})
	for range 2 { // decoded, and from memory
		assert.Equal(t, map[int]int{2: 1, 5: 1, 8: 1, 100: 1, 101: 1, 102: 1}, counts(t, some))
	}
	assert.True(t, SameEachEpoch(ds))
	order := LoaderOptions{Batch: 5, Shuffle: true, Seed: 3}
	alone, err := seen(t, opened(t, spec, Options{Flip: true, Seed: 4}), order)
	require.NoError(t, err)
	order.Workers = 7
	again, err := seen(t, opened(t, spec, Options{Flip: true, Seed: 4, CacheBytes: 1 << 20}), order)
	require.NoError(t, err)
	assert.Equal(t, alone, again)
}

// Weights are shares of an epoch, in which what has much weight comes again and nothing is left out.
func TestWeightsOfAMixture(t *testing.T) {
	spec := twoSets(t)
	for weights, want := range map[string][2]int{"1,1": {10, 10}, "10, 3": {10, 3}, "3,1": {10, 3}, "1,1e3": {10, 10000}, "9,1": {27, 3}, ".5,1.5": {10, 30}} {
		ds := opened(t, spec, Options{Weights: weights, Seed: 1})
		got := counts(t, ds)
		sum := [2]int{}
		least, most := [2]int{1 << 30, 1 << 30}, [2]int{}
		require.Len(t, got, 13, weights)
		for number, n := range got {
			k := number / 100
			sum[k] += n
			least[k], most[k] = min(least[k], n), max(most[k], n)
		}
		assert.Equal(t, want, sum, weights)
		for k := range 2 {
			assert.LessOrEqual(t, most[k]-least[k], 1, "%s: evenly", weights)
		}
		for i := range ds.Len() {
			if number := int(read(t, ds, 0, i)[0]); number < 100 {
				require.Equal(t, fmt.Sprint(number%3), ds.Classes()[ds.Label(i)])
			}
		}
	}
	// The seed chooses what comes once more; the same choice each epoch, so that labels are of what was read.
	chosen := map[string]bool{}
	for seed := range uint64(20) {
		ds := opened(t, spec, Options{Weights: "1,1", Seed: seed})
		chosen[fmt.Sprint(counts(t, ds))] = true
		assert.Equal(t, read(t, ds, 0, 19), read(t, ds, 5, 19))
	}
	assert.Len(t, chosen, 3)
	prints := map[string]bool{}
	for _, o := range []Options{{}, {Weights: "1,1"}, {Weights: "1,1", Seed: 1}, {Weights: "2,1"}} {
		prints[opened(t, spec, o).Fingerprint()] = true
	}
	assert.Len(t, prints, 4)

	for weights, want := range map[string]string{
		"1": "1 weights for 2 sources", "1,2,3": "3 weights for 2 sources", "1,0": `"0": no weight`, "1,-1": "no weight", "1,x": "no weight", "NaN,1": "no weight",
		"1,Inf": "no weight", "1,1e12": "would be too long",
	} {
		var e *SpecError
		_, err := Open(spec, Options{Weights: weights})
		require.ErrorAs(t, err, &e, weights)
		assert.ErrorContains(t, err, want)
	}
	_, err := Open("glyphs", Options{Weights: "1"})
	assert.ErrorContains(t, err, "there is one source")
}

// What is drawn anew each epoch is so in a mixture, each time it comes.
func TestAMixtureWithWhatIsDrawn(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]int{"5/1.png": 1})
	ds := opened(t, "folder:"+dir+" + glyphs", Options{Seed: 3, Size: square(16), CacheBytes: 1 << 20})
	assert.False(t, SameEachEpoch(ds))
	assert.Equal(t, Shape{Height: 16, Width: 16, Channels: 3}, ds.Shape(), "in colour, as one of them is")
	assert.Len(t, ds.Classes(), 10)
	own := opened(t, "glyphs", Options{Seed: 3, Size: square(16), Channels: 3})
	for epoch := range 2 {
		assert.Equal(t, read(t, own, epoch, 8), read(t, ds, epoch, 9))
	}
	assert.Equal(t, 5, ds.Label(0))

	_, err := Open("mnist:"+writeMNIST(t, goodImages, goodLabels)+" + npy:"+golden("points"), Options{})
	assert.ErrorContains(t, err, "channels is for images")
	_, err = Open("npy:"+golden("gray")+" + npy:"+golden("points"), Options{})
	assert.ErrorContains(t, err, "give them one form with --size and --channels")
	_, err = Open("glyphs + folder:"+filepath.Join(dir, "gone"), Options{})
	assert.ErrorContains(t, err, "gone: no such file or directory")
}

// What the mixture lists is the sum of what its parts passed over, and a broken file is named by its part.
func TestAMixtureNamesItsFiles(t *testing.T) {
	spec := twoSets(t)
	folder := strings.TrimPrefix(strings.Split(spec, joint)[0], "folder:")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "0/0.png"), []byte("x"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "0/x.heic"), nil, 0o644))
	ds := opened(t, spec, Options{Size: square(4)})
	assert.Equal(t, "1 file: .heic 1", PassedOver(ds))
	assert.ErrorContains(t, ds.Read(0, 0, make([]byte, 48)), folder+"/0/0.png: not a JPEG")
	assert.Len(t, counts(t, opened(t, spec, Options{Size: square(4), SkipCorrupt: 1})), 12)
}

// --data may be given several times, in a file as a list; what is kept is a string, as it always was.
func TestDataMayBeGivenSeveralTimes(t *testing.T) {
	var s Settings
	row, _ := s.Settings().Find("data")
	require.NoError(t, row.Parse("folder:a", "zip:b", "glyphs"))
	assert.Equal(t, "folder:a + zip:b + glyphs", s.Spec)
	s.Weights = "1,2"
	var usage *setting.UsageError
	require.ErrorAs(t, s.Check(), &usage)
	assert.ErrorContains(t, s.Check(), "--data-weights 1,2: 2 weights for 3 sources")
	require.NoError(t, row.Parse("folder:a", "what:b"))
	assert.NoError(t, row.Check(row), "a folder of that name")
	require.NoError(t, row.Parse("glyphs", "folder:"))
	assert.ErrorContains(t, row.Check(row), `--data "folder:": no path given`)
	require.NoError(t, s.Settings().ReadJSON(`{"data": "mnist:old"}`))
	assert.Equal(t, "mnist:old", s.Spec)

	path := filepath.Join(t.TempDir(), "c.yaml")
	for text, want := range map[string][]string{"data: [folder:a, glyphs]\n": {"folder:a", "glyphs"}, "data: folder:a + glyphs\n": {"folder:a + glyphs"}} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		lines, _, err := s.Settings().ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, lines[0].Values)
	}
}
