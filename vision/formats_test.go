package vision

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is a file and what Pillow makes of it.
type sample struct {
	Name            string
	File            []byte
	Height, Width   int
	RGB, Gray, Over []byte
}

func samples(t testing.TB) (cases []sample, background [3]byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/formats.json")
	require.NoError(t, err)
	var golden struct {
		Background [3]byte
		Cases      []sample
	}
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Greater(t, len(golden.Cases), 60)
	cases, background = golden.Cases, golden.Background
	text, err = os.ReadFile("testdata/rasters.json")
	require.NoError(t, err)
	golden.Cases = nil
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Greater(t, len(golden.Cases), 20)
	return append(cases, golden.Cases...), background
}

// off is the mean and the greatest difference of two pictures.
func off(got, want []byte) (mean, most float64) {
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		mean, most = mean+d, max(most, d)
	}
	return mean / float64(len(want)), most
}

func TestDecodeIsPillows(t *testing.T) {
	cases, background := samples(t)
	rgb, gray := NewReader(Options{}), NewReader(Options{Channels: 1})
	over := NewReader(Options{Background: &background})
	for _, c := range cases {
		for _, want := range []struct {
			r        *Reader
			pixels   []byte
			channels int
		}{{rgb, c.RGB, 3}, {gray, c.Gray, 1}, {over, c.Over, 3}} {
			if want.pixels == nil {
				continue
			}
			got, err := want.r.Decode(c.File)
			require.NoError(t, err, c.Name)
			require.Equal(t, Image{nil, c.Height, c.Width, want.channels}, Image{nil, got.Height, got.Width, got.Channels}, c.Name)
			mean, most := off(got.Pix, want.pixels)
			if strings.HasPrefix(c.Name, "jpeg") {
				if mean > 0 {
					t.Logf("%s, %d channels: off by %.3f, at most %.0f", c.Name, want.channels, mean, most)
				}
				assert.Less(t, mean, .3, c.Name)
				assert.LessOrEqual(t, most, 4., c.Name)
			} else {
				assert.Zero(t, most, "%s: mean %f", c.Name, mean)
			}
		}
	}
}
