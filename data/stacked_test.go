package data

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each channel is a digit, as mnist has it, of the class that the label says; which one, the seed decides.
func TestStackedDigits(t *testing.T) {
	spec := kinds(t)["mnist"]
	digits := opened(t, spec, Options{Size: square(4)})
	classes := map[string]int{} // of each picture: they differ
	for i := range digits.Len() {
		classes[string(read(t, digits, 0, i))] = digits.Label(i)
	}
	require.Len(t, classes, digits.Len())
	stack := func(seed uint64) Dataset { return opened(t, "stacked-"+spec, Options{Size: square(4), Seed: seed}) }
	ds, used := stack(5), map[string]bool{}
	assert.Equal(t, Shape{Height: 4, Width: 4, Channels: 3}, ds.Shape())
	assert.Equal(t, 128_000, ds.Len())
	for i := range 400 {
		image, label := read(t, ds, i%3, i), 0
		for c := range 3 {
			plane := make([]byte, 16)
			for k := range plane {
				plane[k] = image[3*k+c]
			}
			class, is := classes[string(plane)]
			require.True(t, is, "%d: channel %d is no digit", i, c)
			label = 10*label + class
			used[string(plane)] = true
		}
		require.Equal(t, label, ds.Label(i))
		require.Equal(t, fmt.Sprintf("%03d", label), ds.Classes()[label])
	}
	assert.Len(t, used, digits.Len(), "each digit is drawn some time")
	assert.Equal(t, read(t, ds, 0, 7), read(t, stack(5), 1, 7))
	assert.NotEqual(t, read(t, ds, 0, 7), read(t, stack(6), 0, 7))
	assert.NotEqual(t, ds.Fingerprint(), stack(6).Fingerprint())
	eachOnce(t, "stacked", opened(t, "stacked-"+spec, Options{Size: square(8), Limit: 150}), []int{7, 64}, []int{1, 5})
	_, err := Open("stacked-"+spec, Options{Channels: 1})
	assert.ErrorContains(t, err, "channels 1: three digits are its three channels: leave it out")
}

// The real digits make all thousand modes, about 128 times each.
func TestStackedMNISTHasAThousandModes(t *testing.T) {
	spec := "stacked-mnist:" + shared(t, "mnist")
	assert.Equal(t, Shape{Height: 32, Width: 32, Channels: 3}, opened(t, spec, Options{Size: square(32)}).Shape())
	ds := opened(t, spec, Options{})
	assert.Equal(t, Shape{Height: 28, Width: 28, Channels: 3}, ds.Shape())
	count := make([]int, 1000)
	for i := range ds.Len() {
		count[ds.Label(i)]++
	}
	for mode, n := range count {
		assert.InDelta(t, 128, n, 80, mode)
	}
}
