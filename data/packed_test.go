package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// made is a dataset whose images, labels and failures a test decides.
type made struct {
	labelled
	name  string
	shape Shape
	n     int
	read  func(i int) error // nil: never fails
	reads atomic.Int64
}

func (m *made) Spec() string        { return m.name }
func (m *made) Len() int            { return m.n }
func (m *made) Shape() Shape        { return m.shape }
func (m *made) Fingerprint() string { return fmt.Sprint(m.name, " ", m.n) }
func (m *made) Close() error        { return nil }

// Read makes an image of which no byte run occurs in another.
func (m *made) Read(_, i int, dst []byte) error {
	m.reads.Add(1)
	if m.read != nil {
		if err := m.read(i); err != nil {
			return err
		}
	}
	state := mix(uint64(i) + 1)
	for k := range dst {
		state = state*6364136223846793005 + 1442695040888963407
		dst[k] = byte(state >> 56)
	}
	return nil
}

// newMade has 100 images of 64x64x3, which are five blocks of 21 and less.
func newMade() *made {
	m := &made{name: "made", shape: Shape{Height: 64, Width: 64, Channels: 3}, n: 100, labelled: labelled{classes: []string{"a/b", "é", "<c>"}}}
	for i := range m.n {
		m.labels = append(m.labels, int32(i%4)-1)
	}
	return m
}

// pack writes a packed file into a new folder.
func pack(t testing.TB, ds Dataset) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pack")
	_, err := Pack(t.Context(), ds, path, PackOptions{})
	require.NoError(t, err)
	return path
}

func openPack(t testing.TB, path string) *packed {
	t.Helper()
	ds, err := Open("packed:"+path, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ds.Close()) })
	return ds.(*packed)
}

// sameImages compares the images and labels of two datasets.
func sameImages(t *testing.T, want, have Dataset) {
	t.Helper()
	require.Equal(t, want.Len(), have.Len())
	require.Equal(t, want.Shape(), have.Shape())
	require.Equal(t, want.Classes(), have.Classes())
	for i := range want.Len() {
		require.Equal(t, want.Label(i), have.Label(i), "label %d", i)
		require.True(t, bytes.Equal(read(t, want, 0, i), read(t, have, 0, i)), "image %d", i)
	}
}

// beginning is the first n images of a dataset.
type beginning struct {
	Dataset
	n int
}

func (b beginning) Len() int { return b.n }

func TestPackedHoldsWhatTheSourceYields(t *testing.T) {
	glyphs, err := Open("glyphs", Options{Size: square(16), Channels: 3, Seed: 5})
	require.NoError(t, err)
	folder, err := Open("folder:"+tree(t), Options{Size: square(4)})
	require.NoError(t, err)
	flat, err := Open("folder:"+filepath.Join(tree(t), "a"), Options{Size: square(4), Channels: 1})
	require.NoError(t, err)
	large := newMade()
	large.shape, large.n = Shape{Height: 300, Width: 300, Channels: 3}, 3 // an image is larger than a block
	for name, ds := range map[string]Dataset{"made": newMade(), "glyphs": beginning{glyphs, 300}, "folder": folder, "no labels": flat, "large": large} {
		p := openPack(t, pack(t, ds))
		t.Run(name, func(t *testing.T) { sameImages(t, ds, p) })
	}
}

// What a person wrote down in docs/packed.md is what is in the file.
func TestPackedLayout(t *testing.T) {
	ds := newMade()
	file, err := os.ReadFile(pack(t, ds))
	require.NoError(t, err)
	le := binary.LittleEndian
	assert.Equal(t, "FORGERPK", string(file[:8]))
	for i, want := range []uint32{1, 64, 64, 3, 100, 0, 21} {
		assert.Equal(t, want, le.Uint32(file[8+4*i:]), "at %d", 8+4*i)
	}
	n, at := int(le.Uint32(file[36:])), int(le.Uint64(file[40:]))
	assert.Equal(t, `{"spec":"made","fingerprint":"made 100","decoder":"`, string(file[64:64+52-1]))
	assert.Contains(t, string(file[64:64+n]), `"classes":["a/b","é","<c>"]`)
	assert.Zero(t, at%4096)
	assert.Len(t, file, at+100*64*64*3)
	labels, sums := file[64+n:], file[64+n+400:]
	for i := range 100 {
		assert.Equal(t, int32(i%4)-1, int32(le.Uint32(labels[4*i:])))
		assert.Equal(t, read(t, ds, 0, i), file[at+i*12288:at+(i+1)*12288])
	}
	require.Equal(t, uint32(0xE3069283), crc32.Checksum([]byte("123456789"), castagnoli), "CRC-32C's check value")
	assert.Equal(t, crc32.Checksum(file[at:at+21*12288], castagnoli), le.Uint32(sums))
	assert.Equal(t, crc32.Checksum(file[at+84*12288:], castagnoli), le.Uint32(sums[16:]))
	sum := le.Uint32(file[48:])
	le.PutUint32(file[48:], 0)
	assert.Equal(t, crc32.Checksum(file[:at], castagnoli), sum)
}

func TestPackedHoldsOneForm(t *testing.T) {
	path := pack(t, newMade())
	for want, o := range map[string]Options{
		"x.pack: its images are 64x64, asked for is 32: use --size 64, or pack made again with --size 32":             {Size: square(32)},
		"x.pack: its images have 3 channels, asked for are 1: use --channels 3, or pack made again with --channels 1": {Channels: 1},
	} {
		_, err := Open("packed:"+path, o)
		assert.ErrorContains(t, err, want)
	}
	ds, err := Open("packed:"+path, Options{Size: square(64), Channels: 3})
	require.NoError(t, err)
	require.NoError(t, ds.Close())
	require.NoError(t, ds.Close())
	assert.ErrorContains(t, ds.Read(0, 0, make([]byte, 12288)), "x.pack: it was closed")
}

// resealed is a file with its head's checksum made right again.
func resealed(file []byte) []byte {
	file = bytes.Clone(file)
	if len(file) < packedFixed {
		return file
	}
	at := binary.LittleEndian.Uint64(file[40:])
	if at < packedFixed || at > uint64(len(file)) {
		return file
	}
	binary.LittleEndian.PutUint32(file[packedCRCAt:], 0)
	binary.LittleEndian.PutUint32(file[packedCRCAt:], crc32.Checksum(file[:at], castagnoli))
	return file
}

func TestPackedNamesWhatIsWrong(t *testing.T) {
	good, err := os.ReadFile(pack(t, newMade()))
	require.NoError(t, err)
	le := binary.LittleEndian
	with := func(change func([]byte)) []byte {
		file := bytes.Clone(good)
		change(file)
		return resealed(file)
	}
	text := int(le.Uint32(good[36:]))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":     {nil, "not a packed file"},
		"foreign":   {[]byte("PK\x03\x04" + strings.Repeat("x", 9000)), "not a packed file"},
		"magic":     {good[:5], "not a packed file"},
		"fixed":     {good[:20], "its head is damaged"},
		"head":      {good[:5000], "the file has 5000 bytes, its head says "},
		"short":     {good[:len(good)-1], "it was cut or added to"},
		"long":      {append(bytes.Clone(good), 0), "it was cut or added to"},
		"version":   {with(func(b []byte) { b[8] = 2 }), "packed format 2, this program reads 1"},
		"partial":   {with(func(b []byte) { copy(b, partialMagic) }), "it is not finished"},
		"channels":  {with(func(b []byte) { b[20] = 2 }), "images of 64x64x2"},
		"no images": {with(func(b []byte) { clear(b[24:32]) }), "0 images: a file holds 1 to"},
		"hostile":   {with(func(b []byte) { copy(b[24:], "\xff\xff\xff\xff\xff\xff\xff\xff") }), "images: a file holds 1 to"},
		"sides":     {with(func(b []byte) { copy(b[12:], "\xff\xff\xff\xff\xff\xff\xff\xff") }), "a side has 1 to 65536 pixels"},
		"blocks":    {with(func(b []byte) { clear(b[32:36]) }), "blocks of no images"},
		"text":      {with(func(b []byte) { copy(b[36:], "\xff\xff\xff\xff") }), "bytes of metadata"},
		"place":     {with(func(b []byte) { b[41]++ }), "images at byte "},
		"json":      {with(func(b []byte) { b[64] = 'x' }), "its metadata are damaged"},
		"label":     {with(func(b []byte) { b[64+text+8] = 3 }), "label 3 of image 2: there are 3 classes"},
		"damaged":   {flipped(good, 64+text+8), "its head is damaged: checksum "},
	} {
		path := filepath.Join(t.TempDir(), "bad.pack")
		require.NoError(t, os.WriteFile(path, c.file, 0o644))
		_, err := Open("packed:"+path, Options{})
		require.ErrorContains(t, err, c.want, name)
		assert.Contains(t, err.Error(), path+": ", name)
		assert.Contains(t, err.Error(), ": make it with `forger data pack`", name)
		assert.NotContains(t, err.Error(), "\n", name)
	}
	dir := t.TempDir()
	_, err = Open("packed:"+dir, Options{})
	assert.ErrorContains(t, err, dir+": not a regular file: make it with `forger data pack`")
	_, err = Open("packed:"+filepath.Join(dir, "gone"), Options{})
	assert.ErrorContains(t, err, "gone: no such file or directory: name a file that `forger data pack` wrote")
}

func flipped(file []byte, at int) []byte {
	file = bytes.Clone(file)
	file[at] ^= 1
	return file
}

func TestADamagedBlockIsFoundAtItsFirstTouch(t *testing.T) {
	path := pack(t, newMade())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	at := len(file) - 79*12288 + 5 // in image 21, the first of block 1
	require.NoError(t, os.WriteFile(path, flipped(file, at), 0o644))
	p := openPack(t, path)
	dst := make([]byte, 12288)
	for i := range p.Len() {
		err := p.Read(0, i, dst)
		if i/21 != 1 {
			require.NoError(t, err, i)
			continue
		}
		require.ErrorContains(t, err, path+": block 1 (images 21 to 41): checksum ", i)
		require.ErrorContains(t, err, "the file is damaged: make it again", i)
	}
}
