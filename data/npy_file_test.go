package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func golden(name string) string { return filepath.Join("testdata", "npy", name+".npy") }

// body is what follows the head of an array of that shape.
func body(t *testing.T, name string, descr string, shape ...int) []byte {
	t.Helper()
	file, err := os.ReadFile(golden(name))
	require.NoError(t, err)
	head := npyHeader(descr, shape)
	require.True(t, bytes.HasPrefix(file, head), "the head is NumPy's, byte for byte")
	return file[len(head):]
}

// numbersOf are those of a point.
func numbersOf(point []byte) (numbers []float32) {
	for i := 0; i < len(point); i += 4 {
		numbers = append(numbers, math.Float32frombits(binary.LittleEndian.Uint32(point[i:])))
	}
	return numbers
}

func TestNPYPoints(t *testing.T) {
	for _, name := range []string{"points", "points64"} {
		ds := opened(t, "npy:"+golden(name), Options{})
		require.Equal(t, 5, ds.Len())
		assert.Equal(t, Shape{Points: 2}, ds.Shape())
		assert.Equal(t, "2 numbers", ds.Shape().String())
		assert.Nil(t, ds.Classes())
		assert.Equal(t, -1, ds.Label(3))
		for i, want := range [][]float32{{.1, -2.5}, {1e-40, 3e38}, {1. / 3, float32(math.Copysign(0, -1))}, {7, 8}, {9, 1e10}} {
			assert.Equal(t, want, numbersOf(read(t, ds, 0, i)), "%s: %d", name, i)
		}
		some := opened(t, "npy:"+golden(name), Options{Limit: 2, Rules: 1, CacheBytes: 1 << 20, SkipCorrupt: 1})
		assert.Equal(t, 2, some.Len())
		assert.Equal(t, read(t, ds, 0, 1), read(t, some, 0, 1))
		_, err := Open("npy:"+golden(name), Options{Filter: "x"})
		assert.ErrorContains(t, err, "has no labels")
		_, err = Pack(t.Context(), ds, filepath.Join(t.TempDir(), "x"), PackOptions{})
		assert.EqualError(t, err, "data: pack: npy:"+golden(name)+": it holds points, and a packed file images: use it as it is")
	}
}

// Options that are for images are wrong for points, whichever source they come from.
func TestPointsTakeNoOptionsOfImages(t *testing.T) {
	spec := "npy:" + golden("points")
	for want, o := range map[string]Options{
		"size is for images, and this holds points: take images, or leave it out":     {Size: square(8)},
		"channels is for images, and this holds points: take images, or leave it out": {Channels: 1},
		"flip is for images, and this holds points: take images, or leave it out":     {Flip: true},
		"crop-before 9 is for image files, which npy has none of":                     {CropBefore: 9},
	} {
		_, err := Open(spec, o)
		var e *SpecError
		require.ErrorAs(t, err, &e)
		assert.Contains(t, e.Msg, fmt.Sprintf("data %q: %s", spec, want))
	}
}

func TestNPYImages(t *testing.T) {
	gray, rgb := body(t, "gray", "|u1", 3, 6, 8), body(t, "rgb", "|u1", 3, 6, 8, 3)
	dir := t.TempDir()
	for i := range 3 { // the same pixels as files
		for name, m := range map[string]image.Image{
			"gray": &image.Gray{Pix: gray[48*i : 48*(i+1)], Stride: 8, Rect: image.Rect(0, 0, 8, 6)}, "rgb": opaque(rgb[144*i:144*(i+1)], 8, 6),
		} {
			var b bytes.Buffer
			require.NoError(t, png.Encode(&b, m))
			require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name, fmt.Sprint(i, ".png")), b.Bytes(), 0o644))
		}
	}
	for name, channels := range map[string]int{"gray": 1, "rgb": 3} {
		own := opened(t, "npy:"+golden(name), Options{})
		assert.Equal(t, Shape{Height: 6, Width: 6, Channels: channels}, own.Shape())
		for _, o := range []Options{{Channels: channels}, {Size: square(4), Channels: 1}, {Size: square(4), Channels: 3}, {Size: square(16), Channels: 1}, {Size: square(16), Channels: 3, Flip: true}} {
			ds, files := opened(t, "npy:"+golden(name), o), opened(t, "folder:"+filepath.Join(dir, name), o)
			require.Equal(t, files.Shape(), ds.Shape())
			require.Equal(t, 3, ds.Len())
			for i := range 3 {
				assert.Equal(t, read(t, files, 0, i), read(t, ds, 0, i), "%s, %+v, %d", name, o, i)
			}
		}
	}
	labelled := opened(t, "npy:"+golden("rgb"), Options{})
	assert.Equal(t, []string{"0", "1", "2"}, labelled.Classes())
	assert.Equal(t, []int{2, -1, 0}, []int{labelled.Label(0), labelled.Label(1), labelled.Label(2)})
	assert.Equal(t, read(t, labelled, 0, 2), read(t, opened(t, "npy:"+golden("rgb"), Options{Filter: "0"}), 0, 0))
}

// opaque is an image of RGB pixels.
func opaque(rgb []byte, w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		copy(m.Pix[4*i:], append(rgb[3*i:3*i+3:3*i+3], 255))
	}
	return m
}

// float32 images become the bytes that PyTorch makes of them, at every half between two bytes and around it.
func TestNPYPlanesAsPyTorch(t *testing.T) {
	want := body(t, "planes_bytes", "|u1", 2, 14, 14, 3)
	ds := opened(t, "npy:"+golden("planes"), Options{})
	require.Equal(t, Shape{Height: 14, Width: 14, Channels: 3}, ds.Shape())
	assert.Equal(t, want, append(read(t, ds, 0, 0), read(t, ds, 0, 1)...))
	same := opened(t, "npy:"+golden("planes_bytes"), Options{Size: square(8), Channels: 1})
	assert.Equal(t, read(t, same, 0, 1), read(t, opened(t, "npy:"+golden("planes"), Options{Size: square(8), Channels: 1}), 0, 1))
}

// npyOf writes an array of float32.
func npyOf(t *testing.T, shape []int, numbers ...float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, WriteNPY(path, "<f4", shape, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, numbers)
	}))
	return path
}

func TestNPYNamesWhatIsWrong(t *testing.T) {
	whole, err := os.ReadFile(golden("points"))
	require.NoError(t, err)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	image := func(descr string, shape ...int) string { return written(t, "x.npy", npyHeader(descr, shape)) }
	for name, c := range map[string]struct{ path, want string }{
		"gone":        {filepath.Join(t.TempDir(), "gone.npy"), "gone.npy: no such file or directory: name a file that numpy.save or `forger data dump` wrote"},
		"folder":      {t.TempDir(), "not a file"},
		"text":        {written(t, "x.npy", []byte("text")), "x.npy: not a NumPy file: write it with numpy.save"},
		"fortran":     {golden("fortran"), "fortran.npy: in Fortran order: convert with numpy.ascontiguousarray"},
		"big":         {golden("big"), `big.npy: big-endian numbers of type ">f4": convert with .astype("<f4")`},
		"integers":    {golden("integers"), `integers.npy: numbers of type "<i8": save it as points, float32 or float64 [N,D], or as images, uint8 [N,H,W,C]`},
		"rank":        {npyOf(t, []int{3}, 1, 2, 3), `x.npy: shape [3] of numbers of type "<f4": save it as points`},
		"rank 0":      {npyOf(t, nil, 1), `x.npy: shape [] of numbers of type "<f4": save it as points`},
		"bytes":       {image("|u1", 3, 4), `x.npy: shape [3 4] of numbers of type "|u1": save it as points`},
		"short":       {written(t, "x.npy", whole[:len(whole)-1]), "x.npy: the file is short: 167 of 168 bytes: write it again"},
		"header":      {written(t, "x.npy", whole[:40]), "x.npy: the file is short: it ends within its header"},
		"long":        {written(t, "x.npy", append(whole[:len(whole):len(whole)], 0)), "x.npy: the file has 169 bytes, its head says 168: save one array in it"},
		"nothing":     {npyOf(t, []int{0, 2}), "x.npy: shape [0 2]: it holds nothing: save at least one element"},
		"no numbers":  {npyOf(t, []int{2, 0}), "x.npy: shape [2 0]: it holds nothing"},
		"hostile":     {image("<f4", 1<<40, 1<<40), "shape [1099511627776 1099511627776]: too large"},
		"promises":    {image("<f4", 1<<40, 2), "the file is short: 128 of 8796093022336 bytes"},
		"channels":    {written(t, "x.npy", append(npyHeader("|u1", []int{1, 3, 2, 2}), make([]byte, 12)...)), "x.npy: shape [1 3 2 2]: images of 2 channels: want 1 or 3, as points"},
		"NaN":         {npyOf(t, []int{3, 2}, 1, 2, 3, nan, nan, 0), "x.npy: element [1,1] is NaN: points have finite numbers, as float32 holds them: mend or remove it"},
		"infinite":    {npyOf(t, []int{1, 2}, 1, -inf), "x.npy: element [0,1] is -Inf: points have finite numbers"},
		"above 1":     {npyOf(t, []int{1, 1, 2, 2}, 1, -1, 1.0011, 2), "x.npy: element [0,0,1,0] is 1.001"},
		"below -1":    {npyOf(t, []int{1, 1, 2, 2}, 1, -1, 0, -255), "x.npy: element [0,0,1,1] is -255: images of float32 have numbers from -1 to 1: scale them, or save them as uint8 [N,H,W,C]"},
		"NaN in them": {npyOf(t, []int{1, 1, 2, 2}, 1, nan, 0, 0), "x.npy: element [0,0,0,1] is NaN: images of float32"},
	} {
		_, err := Open("npy:"+c.path, Options{})
		require.ErrorContains(t, err, c.want, name)
		assert.ErrorContains(t, err, "data: npy: ")
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err = Open("npy:"+golden("gray"), Options{MaxPixels: 47})
	assert.ErrorContains(t, err, "gray.npy: shape [3 6 8]: images of 6x8: more than 47 pixels: raise --max-pixels")
	wide := written(t, "x.npy", binary.LittleEndian.AppendUint64(npyHeader("<f8", []int{1, 1}), math.Float64bits(1e39)))
	_, err = Open("npy:"+wide, Options{})
	assert.ErrorContains(t, err, "element [0,0] is 1e+39: points have finite numbers, as float32 holds them")
}

func TestNPYLabelsNameWhatIsWrong(t *testing.T) {
	labels := func(n int, values ...int64) []byte {
		file := npyHeader("<i8", []int{n})
		for _, v := range values {
			file = binary.LittleEndian.AppendUint64(file, uint64(v))
		}
		return file
	}
	for want, file := range map[string][]byte{
		"2 labels of 3 elements": labels(2, 0, 1), "the file is short: 144 of 152 bytes": labels(3, 0, 1), "label -2 of element 1": labels(3, 0, -2, 1),
		"label 1048576 of element 2: labels go from 0 to 1048575, -1 is none": labels(3, 0, 1, 1<<20), "not a NumPy file": []byte("0,1,2"),
		`shape [3 1] of type "<i8": labels are int64 [N]`: npyHeader("<i8", []int{3, 1}), `type "<i4": labels are int64 [N]: convert with .astype(numpy.int64)`: npyHeader("<i4", []int{3}),
	} {
		path := npyOf(t, []int{3, 1}, 1, 2, 3)
		require.NoError(t, os.WriteFile(labelsBeside(path), file, 0o644))
		_, err := Open("npy:"+path, Options{})
		require.ErrorContains(t, err, "data: npy: "+filepath.Dir(path)+"/x.labels.npy: ")
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, ": mend or remove it")
		assert.NotContains(t, err.Error(), "\n")
	}
	path := npyOf(t, []int{3, 1}, 1, 2, 3)
	plain := opened(t, "npy:"+path, Options{})
	require.NoError(t, os.WriteFile(labelsBeside(path), labels(3, -1, -1, -1), 0o644))
	none := opened(t, "npy:"+path, Options{})
	assert.Nil(t, none.Classes())
	assert.NotEqual(t, plain.Fingerprint(), none.Fingerprint())
	other := opened(t, "npy:"+npyOf(t, []int{3, 1}, 1, 2, 4), Options{})
	assert.NotEqual(t, plain.Fingerprint(), other.Fingerprint())
}

// A file that changes while it is in use is an error, never other numbers.
func TestNPYChangesWhileItIsRead(t *testing.T) {
	for change, how := range map[string]func(path string) error{
		"cut":       func(path string) error { return os.Truncate(path, 130) },
		"rewritten": func(path string) error { return os.WriteFile(path, make([]byte, 152), 0o644) },
	} {
		path := npyOf(t, []int{3, 2}, 1, 2, 3, 4, 5, 6)
		ds := opened(t, "npy:"+path, Options{})
		read(t, ds, 0, 2)
		require.NoError(t, how(path))
		require.NoError(t, os.Chtimes(path, clock(), clock())) // clocks of file systems are coarse
		err := ds.Read(0, 2, make([]byte, 8))
		require.ErrorIs(t, err, errAltered, change)
		assert.ErrorContains(t, err, "data: npy: "+path+": element 2: the file changed while it was read (152 bytes when opened, now ")
	}
}

// What Dump writes of any source is the same set again: bytes, labels, and so the batches of a training.
func TestADumpIsASourceWithTheSameBytes(t *testing.T) {
	specs := kinds(t)
	specs["glyphs"], specs["points"], specs["drawn"] = "glyphs", "npy:"+golden("points"), ""
	for _, kind := range slices.Sorted(maps.Keys(specs)) {
		ds := Dataset(&spots{seed: 5})
		if kind != "drawn" {
			ds = opened(t, specs[kind], Options{Limit: 30, Seed: 4})
		}
		path := filepath.Join(t.TempDir(), "x.npy")
		require.NoError(t, os.WriteFile(labelsBeside(path), []byte("of an earlier dump"), 0o644))
		require.NoError(t, Dump(t.Context(), ds, path, DumpOptions{}))
		again := opened(t, "npy:"+path, Options{})
		require.Equal(t, ds.Len(), again.Len(), kind)
		require.Equal(t, ds.Shape(), again.Shape(), kind)
		for i := range ds.Len() {
			require.Equal(t, read(t, ds, 0, i), read(t, again, 0, i), "%s: %d", kind, i)
			require.Equal(t, ds.Label(i), again.Label(i), "%s: %d", kind, i)
		}
		o := LoaderOptions{Batch: 7, Shuffle: true, Seed: 2, Workers: 2}
		assert.Equal(t, loaded(t, ds, o), loaded(t, again, o), kind)
	}
}

// spots is a drawn source of points: what a toy distribution takes.
type spots struct{ seed uint64 }

func (s *spots) Spec() string        { return "spots" }
func (s *spots) Len() int            { return 50 }
func (s *spots) Shape() Shape        { return Shape{Points: 2} }
func (s *spots) Label(i int) int     { return i % 8 }
func (s *spots) Classes() []string   { return []string{"0", "1", "2", "3", "4", "5", "6", "7"} }
func (s *spots) Fingerprint() string { return "spots" }
func (s *spots) Close() error        { return nil }

func (s *spots) Read(epoch, i int, dst []byte) error {
	d := draws(mix(s.seed) ^ mix(uint64(epoch)<<32|uint64(i)))
	for axis := range 2 {
		putNumber(dst, axis, float32(d.next()))
	}
	return nil
}
