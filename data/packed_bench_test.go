package data

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// benchPacked is 20,000 images of 64x64x3 (246 MB, more than a cache holds), all their checksums compared.
func benchPacked(b *testing.B) *packed {
	ds := newMade()
	ds.n = 20000
	ds.labelled = labelled{}
	p := openPack(b, pack(b, ds))
	dst := make([]byte, p.Shape().Bytes())
	for i := range p.Len() {
		require.NoError(b, p.Read(0, i, dst))
	}
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	return p
}

// BenchmarkPacked reads one image at a time in the order of a shuffled epoch, on one core.
func BenchmarkPacked(b *testing.B) {
	p := benchPacked(b)
	order, dst, i := newOrder(1, 0, p.Len()), make([]byte, p.Shape().Bytes()), 0
	for b.Loop() {
		if err := p.Read(0, order.at(i), dst); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % p.Len()
	}
}

// BenchmarkPackedCopy copies the same bytes from the same map in the same order: what Packed cannot exceed.
func BenchmarkPackedCopy(b *testing.B) {
	p := benchPacked(b)
	order, dst, i := newOrder(1, 0, p.Len()), make([]byte, p.Shape().Bytes()), 0
	for b.Loop() {
		at := int(p.at) + order.at(i)*len(dst)
		copy(dst, p.data[at:])
		i = (i + 1) % p.Len()
	}
}
