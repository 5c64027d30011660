package fetch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// archive is a gzipped tar of these entries.
func archive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range entries {
		h.Mode, h.Format = 0o644, tar.FormatUSTAR
		body := []byte("contents of " + filepath.Base(h.Name))
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(body))
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write(body)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

// cifarEntries are laid out as in the original, which has a page of HTML too.
func cifarEntries() []tar.Header {
	all := []tar.Header{
		{Typeflag: tar.TypeDir, Name: cifarFolder + "/"},
		{Typeflag: tar.TypeReg, Name: cifarFolder + "/readme.html"},
		{Typeflag: tar.TypeReg, Name: "../data_batch_1.bin"},
		{Typeflag: tar.TypeSymlink, Name: cifarFolder + "/data_batch_2.bin", Linkname: "/etc/passwd"},
	}
	for _, name := range cifarFiles {
		all = append(all, tar.Header{Typeflag: tar.TypeReg, Name: cifarFolder + "/" + name})
	}
	return all
}

func TestCIFAR10IsUnpacked(t *testing.T) {
	file := archive(t, cifarEntries()...)
	set := setOf(file, newServer(t, file))
	set.Files[0].Name, set.unpack = cifarArchive, unpackCIFAR10
	dir := t.TempDir()
	for range 2 {
		_, err := Get(t.Context(), set, dir, hasty)
		require.NoError(t, err)
		assert.Equal(t, []string{cifarFolder, cifarArchive}, listing(t, dir))
		assert.Equal(t, cifarFiles, listing(t, filepath.Join(dir, cifarFolder)), "what is needed, and no more")
		for _, name := range cifarFiles {
			assert.Equal(t, "contents of "+name, string(contents(t, dir, cifarFolder, name)))
		}
		// What is there stays, what was cut is made anew.
		require.NoError(t, os.Truncate(filepath.Join(dir, cifarFolder, cifarFiles[1]), 3))
	}
}

func TestArchivesThatAreNotWhole(t *testing.T) {
	whole := archive(t, cifarEntries()...)
	for want, file := range map[string][]byte{
		"gzip: invalid header":           []byte("not a gzip file at all"),
		"unexpected EOF":                 whole[:len(whole)/2],
		"test_batch.bin is not in it":    archive(t, cifarEntries()[:10]...),
		"batches.meta.txt, data_batch_1": archive(t),
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, cifarArchive), file, 0o644))
		err := unpackCIFAR10(dir)
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, cifarArchive+": ")
		assert.ErrorContains(t, err, ": remove it and fetch it again")
	}
}
