package data

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOrderIsAPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 63, 64, 65, 1000, 60000} {
		for epoch := range 3 {
			o := newOrder(7, epoch, n)
			seen := make([]bool, n)
			for i := range n {
				at := o.at(i)
				require.False(t, seen[at], "%d of %d twice", at, n)
				seen[at] = true
			}
		}
	}
}

// A change of these numbers would break every resume.
func TestOrderIsPinned(t *testing.T) {
	o := newOrder(42, 3, 1000)
	var first []int
	for i := range 8 {
		first = append(first, o.at(i))
	}
	assert.Equal(t, []int{228, 790, 173, 660, 582, 233, 632, 610}, first)
}

func TestOrderDiffersBySeedAndEpoch(t *testing.T) {
	base := newOrder(1, 0, 1000)
	for _, other := range []order{newOrder(2, 0, 1000), newOrder(1, 1, 1000), newOrder(1<<63, 0, 1000)} {
		same := 0
		for i := range 1000 {
			if base.at(i) == other.at(i) {
				same++
			}
		}
		assert.Less(t, same, 10)
	}
}

// Over many epochs each image comes to each place, and each pair of images follows each other, as often as chance has it.
func TestOrderIsUniform(t *testing.T) {
	const n, epochs = 12, 12000
	var places, pairs [n * n]float64
	for e := range epochs {
		o := newOrder(5, e, n)
		for i := range n {
			places[i*n+o.at(i)]++
			if i > 0 {
				pairs[o.at(i-1)*n+o.at(i)]++
			}
		}
	}
	chi := func(counts []float64, want float64, skip func(i int) bool) (sum float64) {
		for i, c := range counts {
			if !skip(i) {
				sum += (c - want) * (c - want) / want
			}
		}
		return sum
	}
	// 121 and 131 degrees of freedom: the 99.99 percentiles are 185 and 198.
	assert.Less(t, chi(places[:], epochs/n, func(int) bool { return false }), 185.0)
	assert.Less(t, chi(pairs[:], epochs*(n-1)/float64(n*(n-1)), func(i int) bool { return i/n == i%n }), 198.0)
}
