package data

import (
	"bytes"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPacked takes a file without the zeros between its head and its images: inputs stay small that way.
func FuzzPacked(f *testing.F) {
	small := newMade()
	small.shape, small.n = Shape{Height: 2, Width: 2, Channels: 1}, 5
	h, err := newPackedHead(small, "d")
	require.NoError(f, err)
	file, err := os.ReadFile(pack(f, small))
	require.NoError(f, err)
	head, images := bytes.TrimRight(file[:h.at], "\x00"), file[h.at:]
	f.Add(head, images, false)
	f.Add(flipped(head, 70), images, true)
	f.Add(head, flipped(images, 19), false)
	f.Add(head, images[:19], true)
	f.Add([]byte(partialMagic+string(head[8:])), images, false)
	f.Add([]byte(packedMagic), []byte(nil), true)
	f.Fuzz(func(t *testing.T, head, images []byte, seal bool) {
		pad := -len(head) & (packedAlign - 1)
		file := append(append(bytes.Clone(head), make([]byte, pad)...), images...)
		if seal { // so that what is behind the checksum is reached
			file = resealed(file)
		}
		h, err := readPackedHead(bytes.NewReader(file), int64(len(file)))
		if err != nil || h.partial {
			return
		}
		p := &packed{packedHead: h, checks: make([]atomic.Bool, h.blocks()), data: file}
		dst := make([]byte, p.Shape().Bytes())
		for i := range min(p.Len(), 1000) {
			_ = p.Label(i)
			if p.Read(0, i, dst) == nil {
				at := len(file) - (p.Len()-i)*len(dst)
				require.Equal(t, file[at:at+len(dst)], dst)
			}
		}
	})
}
