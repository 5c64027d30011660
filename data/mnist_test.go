package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idxFile makes an IDX file with this magic number and these sizes.
func idxFile(magic uint32, sizes []uint32, elements []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, n := range sizes {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return append(b, elements...)
}

func writeMNIST(t *testing.T, images, labels []byte) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), images, 0o644))
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write(labels)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train-labels-idx1-ubyte.gz"), zipped.Bytes(), 0o644))
	return dir
}

var (
	fourPixels = []byte{1, 2, 3, 4, 5, 6, 7, 8}
	goodImages = idxFile(0x803, []uint32{2, 2, 2}, fourPixels)
	goodLabels = idxFile(0x801, []uint32{2}, []byte{5, 0})
)

func TestMNISTReadsIDX(t *testing.T) {
	dir := writeMNIST(t, goodImages, goodLabels)
	ds, err := Open("mnist:"+dir, Options{})
	require.NoError(t, err)
	assert.Equal(t, 2, ds.Len())
	assert.Equal(t, Shape{Height: 2, Width: 2, Channels: 1}, ds.Shape())
	assert.Equal(t, []int{5, 0}, []int{ds.Label(0), ds.Label(1)})
	assert.Equal(t, fourPixels[4:], read(t, ds, 0, 1))
	rgb, err := Open("mnist:"+dir, Options{Channels: 3})
	require.NoError(t, err)
	assert.Equal(t, []byte{5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8}, read(t, rgb, 0, 1))
	other, err := Open("mnist:"+writeMNIST(t, goodImages, idxFile(0x801, []uint32{2}, []byte{5, 1})), Options{})
	require.NoError(t, err)
	assert.NotEqual(t, ds.Fingerprint(), other.Fingerprint())
}

// The test set is the folder's other two files, and another source.
func TestMNISTsTestSet(t *testing.T) {
	dir := writeMNIST(t, goodImages, goodLabels)
	_, err := Open("mnist-test:"+dir, Options{})
	require.ErrorContains(t, err, "data: mnist-test: "+dir+": no t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz in it")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "t10k-images-idx3-ubyte"), idxFile(0x803, []uint32{1, 2, 2}, []byte{9, 8, 7, 6}), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "t10k-labels-idx1-ubyte"), idxFile(0x801, []uint32{1}, []byte{3}), 0o644))
	ds, err := Open("mnist-test:"+dir, Options{})
	require.NoError(t, err)
	assert.Equal(t, "mnist-test:"+dir, ds.Spec())
	assert.Equal(t, []int{1, 3}, []int{ds.Len(), ds.Label(0)})
	assert.Equal(t, []byte{9, 8, 7, 6}, read(t, ds, 0, 0))
	train, err := Open("mnist:"+dir, Options{})
	require.NoError(t, err)
	assert.Equal(t, 2, train.Len())
}

func TestMNISTNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		images, labels []byte
		want           string
	}{
		"magic":    {idxFile(0x801, []uint32{2, 2, 2}, fourPixels), goodLabels, "train-images-idx3-ubyte: wrong magic number 0x00000801, want 0x00000803"},
		"short":    {goodImages[:len(goodImages)-1], goodLabels, "train-images-idx3-ubyte: the file is short: 7 of 8 bytes"},
		"header":   {goodImages[:7], goodLabels, "the file is short: it ends within its header"},
		"hostile":  {idxFile(0x803, []uint32{1 << 31, 1 << 31, 1 << 31}, nil), goodLabels, "more than 4294967296 bytes"},
		"promises": {idxFile(0x803, []uint32{60000, 28, 28}, nil), goodLabels, "the file is short: 0 of 47040000 bytes"},
		"nothing":  {idxFile(0x803, []uint32{0, 28, 28}, nil), goodLabels, "it holds nothing"},
		"counts":   {goodImages, idxFile(0x801, []uint32{3}, []byte{1, 2, 3}), "2 images but 3 labels"},
		"label":    {goodImages, idxFile(0x801, []uint32{2}, []byte{1, 10}), "label 10 of image 1 is not a digit"},
	} {
		_, err := Open("mnist:"+writeMNIST(t, c.images, c.labels), Options{})
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err := Open("mnist:"+filepath.Join(t.TempDir(), "gone"), Options{})
	assert.ErrorContains(t, err, "gone: no such file or directory")
	_, err = Open("mnist:"+t.TempDir(), Options{})
	assert.ErrorContains(t, err, "no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in it")
}

func FuzzIDX(f *testing.F) {
	f.Add(goodImages, 3)
	f.Add(goodLabels, 1)
	f.Add(goodImages[:9], 3)
	f.Add(idxFile(0x803, []uint32{1 << 31, 1 << 31, 1 << 31}, nil), 3)
	f.Add([]byte{0x1f, 0x8b, 8, 0}, 1)
	f.Fuzz(func(t *testing.T, file []byte, dims int) {
		if dims < 0 || dims > 8 {
			return
		}
		shape, elements, err := parseIDX(bytes.NewReader(file), dims)
		if err != nil {
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		require.Len(t, elements, n)
	})
}

func TestRealMNIST(t *testing.T) {
	ds, err := Open("mnist:"+shared(t, "mnist"), Options{Size: square(32)})
	require.NoError(t, err)
	assert.Equal(t, 60000, ds.Len())
	for i, want := range []int{5, 0, 4, 1, 9, 2, 1, 3, 1, 4} {
		assert.Equal(t, want, ds.Label(i))
	}
	ink := 0
	for _, v := range read(t, ds, 0, 0) {
		ink += int(v)
	}
	assert.InDelta(t, .1376, float64(ink)/255/1024, .01)
}
