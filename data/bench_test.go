package data

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkGlyphs is one image at 32x32 on one core.
func BenchmarkGlyphs(b *testing.B) {
	ds, err := Open("glyphs", Options{})
	require.NoError(b, err)
	dst := make([]byte, ds.Shape().Bytes())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		require.NoError(b, ds.Read(0, i%ds.Len(), dst))
		i++
	}
}
