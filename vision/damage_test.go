package vision

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// damaged is a sample with a few of its bytes changed, lost, or mixed with those of another.
func damaged(random *rand.Rand, cases []sample) []byte {
	file := bytes.Clone(cases[random.IntN(len(cases))].File)
	for range 1 + random.IntN(4) {
		at := random.IntN(len(file))
		switch random.IntN(4) {
		case 0:
			file[at] = byte(random.Uint32())
		case 1:
			file[at] ^= 1 << random.IntN(8)
		case 2:
			file = append(file[:at], file[min(at+random.IntN(8), len(file)):]...)
		case 3:
			other := cases[random.IntN(len(cases))].File
			from := random.IntN(len(other))
			file = bytes.Join([][]byte{file[:at], other[from:min(from+random.IntN(200), len(other))], file[at:]}, nil)
		}
		if len(file) == 0 {
			return []byte{0}
		}
	}
	return file
}

// What comes of a file, picture or error, depends on nothing that the decoders read before.
func TestDecodeDependsOnTheFileAlone(t *testing.T) {
	cases, _ := samples(t)
	random := rand.New(rand.NewPCG(1, 2))
	r := NewReader(Options{MaxPixels: 1 << 16})
	decoded := 0
	for range 20000 {
		file := damaged(random, cases)
		m, first := r.Decode(file)
		pixels := bytes.Clone(m.Pix)
		_, _ = r.Decode(damaged(random, cases))
		again, second := r.Decode(file)
		require.Equal(t, first, second, "%q", file)
		if first == nil {
			decoded++
			require.True(t, bytes.Equal(pixels, again.Pix), "%q", file)
		}
	}
	require.Greater(t, decoded, 1000)
}
