package data

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cifarFile makes records whose planes are number, number+1, number+2 for numbers from first on.
func cifarFile(first, n int) []byte {
	var b []byte
	for i := first; i < first+n; i++ {
		b = append(b, byte(i%10))
		for plane := range 3 {
			b = append(b, bytes.Repeat([]byte{byte(i + plane)}, cifarPlane)...)
		}
	}
	return b
}

// writeCIFAR is five files of n images each.
func writeCIFAR(t testing.TB, dir string, n int) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for i := range cifarFiles {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("data_batch_%d.bin", i+1)), cifarFile(i*n, n), 0o644))
	}
	return dir
}

func TestCIFAR10(t *testing.T) {
	top := t.TempDir()
	dir := writeCIFAR(t, filepath.Join(top, "cifar-10-batches-bin"), 3)
	ds, err := Open("cifar10:"+top, Options{})
	require.NoError(t, err)
	assert.Equal(t, 15, ds.Len())
	assert.Equal(t, Shape{Height: 32, Width: 32, Channels: 3}, ds.Shape())
	assert.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, ds.Classes())
	for _, i := range []int{0, 4, 14} {
		assert.Equal(t, i%10, ds.Label(i))
		assert.Equal(t, []byte{byte(i), byte(i + 1), byte(i + 2)}, read(t, ds, 0, i)[3*500:][:3])
	}
	gray, err := Open("cifar10:"+dir, Options{Channels: 1, Size: square(16)})
	require.NoError(t, err)
	assert.Equal(t, Shape{Height: 16, Width: 16, Channels: 1}, gray.Shape())
	assert.EqualValues(t, 10, read(t, gray, 0, 9)[0], "Pillow's L of 9, 10, 11")
	assert.Equal(t, ds.Fingerprint(), gray.Fingerprint())

	// A pixel at each corner: planes are rows of columns.
	file := cifarFile(0, 3)
	file[1+5] = 200                // red of row 0, column 5
	file[1+2*cifarPlane+32*7] = 99 // blue of row 7, column 0
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data_batch_1.bin"), file, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "batches.meta.txt"), []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"), 0o644))
	ds2, err := Open("cifar10:"+dir, Options{})
	require.NoError(t, err)
	m := read(t, ds2, 0, 0)
	assert.Equal(t, []byte{200, 1, 2}, m[3*5:][:3])
	assert.Equal(t, []byte{0, 1, 99}, m[3*32*7:][:3])
	assert.Equal(t, "cat", ds2.Classes()[3])
	assert.NotEqual(t, ds.Fingerprint(), ds2.Fingerprint())
}

func TestCIFAR10NamesWhatIsWrong(t *testing.T) {
	with := func(name string, b []byte) string {
		dir := writeCIFAR(t, t.TempDir(), 2)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
		return dir
	}
	empty := func(parts ...string) string {
		dir := t.TempDir()
		for _, p := range parts {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, p), 0o755))
		}
		return dir
	}
	gone := writeCIFAR(t, t.TempDir(), 2)
	require.NoError(t, os.Remove(filepath.Join(gone, "data_batch_4.bin")))
	bad := cifarFile(0, 2)
	bad[cifarRecord] = 10
	for _, c := range []struct{ dir, want string }{
		{with("data_batch_1.bin", cifarFile(0, 2)[:6000]), "data_batch_1.bin: 6000 bytes are no whole number of 3073-byte records"},
		{with("data_batch_3.bin", cifarFile(0, 1)), "data_batch_3.bin: 3073 bytes, the files before have 6146 each"},
		{with("data_batch_1.bin", nil), "data_batch_1.bin: the file is empty"},
		{with("data_batch_2.bin", bad), "data_batch_2.bin: label 10 of image 1 is none of 10"},
		{with("batches.meta.txt", []byte("cat\ndog\n")), "batches.meta.txt: 2 names, want 10"},
		{gone, "data_batch_4.bin: no such file or directory: get cifar-10-binary.tar.gz"},
		{empty("data_batch_1"), "CIFAR-10's Python version: the binary version is read: get cifar-10-binary.tar.gz"},
		{empty("cifar-10-batches-py"), "CIFAR-10's Python version"},
		{empty("cifar-10-python.tar.gz"), "cifar-10-python.tar.gz is the Python version: the binary version is read: get cifar-10-binary.tar.gz"},
		{empty("cifar-10-binary.tar.gz"), "cifar-10-binary.tar.gz is still packed: tar -xzf it there"},
		{empty(), "no data_batch_1.bin in it: get cifar-10-binary.tar.gz"},
		{filepath.Join(gone, "data_batch_1.bin"), "not a folder: get cifar-10-binary.tar.gz"},
		{filepath.Join(gone, "nothing"), "nothing: no such file or directory"},
	} {
		_, err := Open("cifar10:"+c.dir, Options{})
		require.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, "data: cifar10: "+c.dir)
	}
}
