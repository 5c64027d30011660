package torchtest

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Damaged is a copy of a file of torch.save's with one bit flipped, in the middle of its largest storage.
func Damaged(t testing.TB, file []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	storages := slices.DeleteFunc(r.File, func(f *zip.File) bool { return !strings.Contains(f.Name, "/data/") })
	largest := slices.MaxFunc(storages, func(a, b *zip.File) int { return int(a.CompressedSize64) - int(b.CompressedSize64) })
	at, err := largest.DataOffset()
	require.NoError(t, err)
	damaged := bytes.Clone(file)
	damaged[at+int64(largest.CompressedSize64)/2] ^= 4
	return damaged
}
