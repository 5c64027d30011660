package data

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, ds Dataset, epoch, i int) []byte {
	t.Helper()
	dst := make([]byte, ds.Shape().Bytes())
	require.NoError(t, ds.Read(epoch, i, dst))
	return dst
}

func TestParse(t *testing.T) {
	for spec, want := range map[string]string{
		"nothing:x": `data "nothing:x": unknown: have cifar10:DIR, folder:DIR, gaussian1d, glyphs, grid25, mnist:DIR, mnist-test:DIR, npy:FILE, packed:FILE, ring8, stacked-mnist:DIR, tar:FILE, zip:FILE`,
		"mnist":     `data "mnist": no path given: write mnist:DIR`,
		"folder:":   `data "folder:": no path given: write folder:DIR`,
		"glyphs:x":  `data "glyphs:x": glyphs takes no path: write glyphs`,
	} {
		_, _, _, err := Parse(spec)
		var e *SpecError
		require.ErrorAs(t, err, &e, spec)
		assert.Equal(t, want, e.Error())
		_, err = Open(spec, Options{})
		assert.ErrorAs(t, err, &e)
	}
	_, path, _, err := Parse("folder:a:b")
	require.NoError(t, err)
	assert.Equal(t, "a:b", path)
}

func TestGlyphs(t *testing.T) {
	open := func(o Options) Dataset {
		ds, err := Open("glyphs", o)
		require.NoError(t, err)
		return ds
	}
	ds := open(Options{Seed: 1})
	assert.Equal(t, 60000, ds.Len())
	assert.Equal(t, Shape{Height: 32, Width: 32, Channels: 1}, ds.Shape())
	assert.Equal(t, 7, ds.Label(27))
	assert.Len(t, ds.Classes(), 10)
	base := read(t, ds, 0, 27)
	assert.Equal(t, base, read(t, open(Options{Seed: 1}), 0, 27), "a function of seed, epoch and place")
	assert.NotEqual(t, base, read(t, ds, 1, 27))
	assert.NotEqual(t, base, read(t, ds, 0, 37))
	assert.NotEqual(t, base, read(t, open(Options{Seed: 2}), 0, 27))
	assert.NotEqual(t, ds.Fingerprint(), open(Options{Seed: 2}).Fingerprint())

	rgb := read(t, open(Options{Seed: 1, Channels: 3}), 0, 27)
	for i, v := range base {
		require.Equal(t, []byte{v, v, v}, rgb[3*i:3*i+3])
	}
	for _, size := range []int{16, 64, 128} {
		ink := 0
		for _, v := range read(t, open(Options{Size: square(size)}), 0, 8) {
			ink += int(v)
		}
		assert.InDelta(t, .2, float64(ink)/255/float64(size*size), .1, "an eight covers a fifth of its image at any size")
	}
	// These pictures are what a run on glyphs is repeated with.
	sum := sha256.New()
	for i := range 100 {
		sum.Write(read(t, ds, 3, i*599))
	}
	assert.Equal(t, "622c2070931bc416", hex.EncodeToString(sum.Sum(nil))[:16])
}

// tree writes a folder of images: two classes, three formats, and what is to be passed over.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	shade := func(v byte) image.Image {
		m := image.NewGray(image.Rect(0, 0, 12, 8))
		for i := range m.Pix {
			m.Pix[i] = v
		}
		return m
	}
	write := func(name string, encode func(io.Writer) error) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, encode(f))
		require.NoError(t, f.Close())
	}
	write("b/2.JPG", func(w io.Writer) error { return jpeg.Encode(w, shade(40), nil) })
	write("b/deep/1.gif", func(w io.Writer) error { return gif.Encode(w, shade(255), nil) })
	write("a/10.png", func(w io.Writer) error { return png.Encode(w, shade(80)) })
	write("a/9.jpeg", func(w io.Writer) error { return jpeg.Encode(w, shade(120), nil) })
	write("a/notes.txt", func(w io.Writer) error { return nil })
	write("a/.hidden.png", func(w io.Writer) error { return nil })
	write(".cache/3.png", func(w io.Writer) error { return nil })
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "b", "loop.png")))
	return dir
}

func TestFolder(t *testing.T) {
	dir := tree(t)
	ds, err := Open("folder:"+dir, Options{Size: square(4)})
	require.NoError(t, err)
	assert.Equal(t, 4, ds.Len())
	assert.Equal(t, []string{"a", "b"}, ds.Classes())
	assert.Equal(t, Shape{Height: 4, Width: 4, Channels: 3}, ds.Shape())
	for i, want := range []struct{ shade, label int }{{80, 0}, {120, 0}, {40, 1}, {255, 1}} {
		assert.InDelta(t, want.shade, read(t, ds, 0, i)[5], 1, "%d", i)
		assert.Equal(t, want.label, ds.Label(i))
	}
	own, err := Open("folder:"+dir, Options{})
	require.NoError(t, err)
	assert.Equal(t, Shape{Height: 8, Width: 8, Channels: 3}, own.Shape())
	gray, err := Open("folder:"+dir, Options{Channels: 1, Size: square(4)})
	require.NoError(t, err)
	assert.InDelta(t, 120, read(t, gray, 0, 1)[5], 1)

	flat, err := Open("folder:"+filepath.Join(dir, "a"), Options{Size: square(4)})
	require.NoError(t, err)
	assert.Nil(t, flat.Classes())
	assert.Equal(t, -1, flat.Label(0))

	require.NoError(t, os.Remove(filepath.Join(dir, "a", "9.jpeg")))
	assert.ErrorContains(t, ds.Read(0, 1, make([]byte, 48)), "9.jpeg: no such file or directory: the folder changed")
	smaller, err := Open("folder:"+dir, Options{Size: square(4)})
	require.NoError(t, err)
	assert.NotEqual(t, ds.Fingerprint(), smaller.Fingerprint())
}

func TestFolderNamesWhatIsWrong(t *testing.T) {
	_, err := Open("folder:"+filepath.Join(t.TempDir(), "gone"), Options{})
	assert.ErrorContains(t, err, "gone: no such file or directory: name a folder that exists")
	_, err = Open("folder:"+t.TempDir(), Options{})
	assert.ErrorContains(t, err, "no images in it")
	dir := tree(t)
	_, err = Open("folder:"+filepath.Join(dir, "a", "10.png"), Options{})
	assert.ErrorContains(t, err, "not a folder")
	path := filepath.Join(dir, "a", "9.jpeg")
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, file[:len(file)/2], 0o644))
	ds, err := Open("folder:"+dir, Options{Size: square(4)})
	require.NoError(t, err)
	err = ds.Read(0, 1, make([]byte, 48))
	assert.ErrorContains(t, err, "9.jpeg: the file is truncated: mend or remove the file")
	assert.NotContains(t, err.Error(), "\n")
}

func TestDumpIsWhatTrainingSees(t *testing.T) {
	dir := t.TempDir()
	ds, err := Open("glyphs", Options{Size: square(16)})
	require.NoError(t, err)
	path := filepath.Join(dir, "x.npy")
	require.NoError(t, Dump(context.Background(), ds, path, DumpOptions{N: 100, Shuffled: true, Seed: 4}))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	head := npyHeader("|u1", []int{100, 16, 16, 1})
	require.Zero(t, len(head)%64)
	require.True(t, bytes.HasPrefix(file, head))
	l, err := NewLoader(ds, LoaderOptions{Batch: 100, Shuffle: true, Seed: 4})
	require.NoError(t, err)
	defer l.Close()
	b, err := l.Next(context.Background())
	require.NoError(t, err)
	assert.Equal(t, b.Images, file[len(head):])
	labels, err := os.ReadFile(filepath.Join(dir, "x.labels.npy"))
	require.NoError(t, err)
	labels = labels[len(npyHeader("<i8", []int{100})):]
	for i, want := range b.Labels {
		assert.Equal(t, uint64(want), binary.LittleEndian.Uint64(labels[8*i:]))
	}

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, Dump(ended, ds, filepath.Join(dir, "y.npy"), DumpOptions{}), context.Canceled)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing half-written")
}

// A preview is chosen out of the whole set, not from its beginning, which in a folder is one class.
func TestPreviewIsAChoiceBySeed(t *testing.T) {
	ds := opened(t, "folder:"+jpegs(t, 25), Options{Size: square(8)})
	size := ds.Shape().Bytes()
	number := map[string]int{}
	for i := range ds.Len() {
		number[string(read(t, ds, 0, i))] = i
	}
	preview := func(n int, seed uint64) (images []int) {
		pixels, labels, err := Preview(t.Context(), ds, n, seed)
		require.NoError(t, err)
		require.Len(t, pixels, len(labels)*size)
		for at := 0; at < len(pixels); at += size {
			i, known := number[string(pixels[at:at+size])]
			require.True(t, known)
			assert.NotContains(t, images, i, "each once")
			images = append(images, i)
		}
		return images
	}
	some := preview(8, 3)
	assert.Len(t, some, 8)
	_, want := Plan{Len: 25, Batch: 8, Seed: 3, Shuffle: true}.Images(0)
	assert.Equal(t, want, some, "what training begins with")
	assert.Greater(t, slices.Max(some), 8, "not the first ones")
	assert.Equal(t, some, preview(8, 3))
	assert.NotEqual(t, some, preview(8, 4))
	assert.Len(t, preview(64, 3), 25, "all of them")

	chosen := map[int]bool{}
	for seed := range uint64(40) {
		for _, i := range preview(3, seed) {
			chosen[i] = true
		}
	}
	assert.Len(t, chosen, 25, "any may be chosen")
}

// shared is a file of the real data beside the checkout; without it the test is skipped.
func shared(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no real data at ../shared/data/%s", name)
	}
	return path
}

// Real photographs, as torchvision sees them: Go's JPEG decoder does not smooth chroma, which costs about 1 of 255.
func TestRealJPEGsAsTorchvision(t *testing.T) {
	z, err := zip.OpenReader(filepath.Join(shared(t, "cifar10-jpeg"), "train.zip"))
	require.NoError(t, err)
	defer z.Close()
	golden, err := os.ReadFile("testdata/cifar.json")
	require.NoError(t, err)
	var want map[int]map[string][]byte // pixels by size and name
	require.NoError(t, json.Unmarshal(golden, &want))
	var r vision.Resizer
	for size, images := range want {
		var off, count float64
		for name, pixels := range images {
			f, err := z.Open(name)
			require.NoError(t, err)
			file, err := io.ReadAll(f)
			require.NoError(t, err)
			m, err := vision.Decode(file, 3)
			require.NoError(t, err)
			got := make([]byte, size*size*3)
			r.Fit(got, m, square(size))
			for i := range got {
				d := float64(got[i]) - float64(pixels[i])
				off, count = off+max(d, -d), count+1
			}
		}
		t.Logf("%d: mean difference %.2f of 255", size, off/count)
		assert.Less(t, off/count, 2.0)
	}
}
